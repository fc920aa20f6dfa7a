// biome-ignore lint/style/noRestrictedImports: the node's network for tests has no entry of its own in the package's exports
export * from '../../../node/src/network/test-dht.ts'
