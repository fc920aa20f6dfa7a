import { plainPath } from '#lib/locale.ts'

/** `/de/market` is the route `/market`. */
export const reroute = ({ url }: { url: URL }): string => plainPath(url.pathname)
