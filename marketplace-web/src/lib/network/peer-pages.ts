import { plainPath } from '#lib/locale.ts'

/** Whether a page joins the network itself; the web server sends such pages a policy of their own (`server/serve.ts`). */
export const dialsPeers = (path: string): boolean => {
  const plain = plainPath(path)
  return (
    alone.includes(plain) || withAll.some((page) => plain === page || plain.startsWith(`${page}/`))
  )
}

/** With all that is below them. */
const withAll = ['/market', '/playground']
/** What is below these is about money and people, and speaks to nobody but the site's services. */
const alone = ['/provider', '/provider/prices']
