#!/usr/bin/env node
// Plain JavaScript, so that an old Node can still say what it needs.
const major = Number(process.versions.node.split('.')[0])
if (major < 24) {
  console.error(`hanse-settlement needs Node 24 or newer; this is ${process.version}.`)
  process.exit(1)
}
const { main } = await import('../src/cli/main.ts')
await main(process.argv)
