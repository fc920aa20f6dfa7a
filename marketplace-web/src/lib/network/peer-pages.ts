import { plainPath } from '#lib/locale.ts'

/** Whether a page joins the network itself; the web server sends such pages a policy of their own (`server/serve.ts`). */
export const dialsPeers = (path: string): boolean => {
  const plain = plainPath(path)
  return ['/market', '/playground'].some((page) => plain === page || plain.startsWith(`${page}/`))
}
