/** What zod reads before it makes its first schema. */
type Zod = { __zod_globalConfig?: { jitless?: boolean } }

/**
 * The node: libp2p, its DHT and the protocol. A third of a megabyte, which only those pages load that join the network.
 */
export async function loadNode(): Promise<typeof import('@hanse/node/consumer')> {
  if (import.meta.env.SSR)
    throw new Error('pages join when they are looked at, not when they are made')
  // The site's policy has no place for code that is made from text. Zod would try, and each try is reported.
  const { __zod_globalConfig: known = {} } = globalThis as Zod
  Object.assign(globalThis, { __zod_globalConfig: known })
  known.jitless = true
  return await import('@hanse/node/consumer')
}
