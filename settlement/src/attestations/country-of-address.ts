import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { isCountryCode } from '@hanse/protocol'
import { type CountryResponse, Reader } from 'mmdb-lib'

/** In which country an address is registered, as a data set says. */
export interface CountryOfAddress {
  /** Its name and version, which attestations cite. */
  readonly dataset: string
  /** `undefined` for what is private, or not in it. */
  readonly of: (address: string) => string | undefined
}

const PACKAGE = '@ip-location-db/geo-whois-asn-country-mmdb'

/** The data set that ships with the service: what the regional registries and the routing table say (CC0). */
export function shippedCountries(): CountryOfAddress {
  const require = createRequire(import.meta.url)
  const { version } = require(`${PACKAGE}/package.json`) as { version: string }
  let reader: Reader<CountryResponse> | undefined
  return {
    dataset: `geo-whois-asn-country ${version}`,
    of: (address) => {
      // Eight megabytes, which a service without providers need not have in memory.
      reader ??= new Reader<CountryResponse>(
        readFileSync(require.resolve(`${PACKAGE}/geo-whois-asn-country.mmdb`)),
      )
      // The library's types are of another data set, which nests this.
      const entry = reader.get(plain(address)) as Entry | null
      const code = entry?.country_code
      return code !== undefined && isCountryCode(code) ? code : undefined
    },
  }
}

interface Entry {
  readonly country_code?: string
}

/** An IPv4 address that arrived on a socket for both. */
const plain = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/u, '')
