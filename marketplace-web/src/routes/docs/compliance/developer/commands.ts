export const gateway = `npx hanse gateway --residency EU --min-level 3 \\
  --trust <peer id of your settlement>`

export const state = `hanse gateway consent give --basis legitimate-interests --by "Jane Doe"
hanse gateway consent show`

export const prove = `hanse log package --from 2026-10-01 --to 2026-11-01 --out october.zip
hanse verify october.zip --network mainnet --trust <node>,<settlement>`
