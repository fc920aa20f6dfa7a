// biome-ignore lint/style/noRestrictedImports: the node's routing has no entry of its own in the package's exports
export * from '../../../node/src/consumer/routing/index.ts'
