// The node's own numbers: what is simulated is what runs.
// biome-ignore lint/style/noRestrictedImports: the node's DHT settings have no entry of their own in the package's exports
export { LOOKUP_MS, PROVIDERS_MAX } from '../../../node/src/consumer/offer-directory.ts'
// biome-ignore lint/style/noRestrictedImports: as above
export { DIAL_ADDRESS_MS, REPROVIDE } from '../../../node/src/network/peer-options.ts'
// biome-ignore lint/style/noRestrictedImports: as above
export { ProviderDraw } from '../../../node/src/network/provider-draw.ts'
// biome-ignore lint/style/noRestrictedImports: as above
export { RENEW_MS } from '../../../node/src/provider/offer-book.ts'
