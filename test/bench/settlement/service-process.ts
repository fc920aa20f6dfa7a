import { openSettlement, type SettlementOptions } from '@hanse/settlement'

// A settlement service in a process of its own, until its parent goes.

const options = JSON.parse(process.argv[2] ?? '{}') as SettlementOptions
const settlement = await openSettlement(options)
process.send?.({ url: settlement.url })
process.on('message', () => void catchUp())
process.once('disconnect', () => {
  void settlement[Symbol.asyncDispose]().then(() => process.exit())
})

/** Does what was put off while requests came, so that nobody else's measurement has it. */
async function catchUp(): Promise<void> {
  const { store, log } = settlement.context
  await log?.tick()
  while ((await store.rollUpUsage()).receipts > 0);
  process.send?.({ caughtUp: true })
}
