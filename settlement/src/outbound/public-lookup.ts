import type { LookupFunction } from 'node:net'
import { reachOf } from './address-rules.ts'

/** All addresses of a name. */
export type Resolve = (host: string) => Promise<readonly { address: string; family: number }[]>

/**
 * A lookup for a connection that is opened at once: what was checked is what is connected to, so that a name cannot mean
 * another machine a moment later. A name with one address that is not of the internet has none.
 */
export function publicLookup(resolve: Resolve, refusal: (host: string) => Error): LookupFunction {
  return (host, options, callback) => {
    resolve(host).then(
      (addresses) => {
        const [first] = addresses
        if (first === undefined || !addresses.every(isPublic)) callback(refusal(host), '', 0)
        else if (options.all === true) callback(null, [...addresses])
        else callback(null, first.address, first.family)
      },
      (error: unknown) => callback(error as NodeJS.ErrnoException, '', 0),
    )
  }
}

const isPublic = ({ address }: { readonly address: string }): boolean =>
  reachOf(address) === 'public'
