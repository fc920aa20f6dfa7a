import { openSettlement, type SettlementOptions } from '@hanse/settlement'

// A settlement service in a process of its own, until its parent goes.

const options = JSON.parse(process.argv[2] ?? '{}') as SettlementOptions
const settlement = await openSettlement(options)
process.send?.({ url: settlement.url })
process.once('disconnect', () => {
  void settlement[Symbol.asyncDispose]().then(() => process.exit())
})
