import { parseArgs } from 'node:util'
import { startEngineStub } from '../support/engine-stub.ts'

// The engine of the benchmark, in a process of its own: it says where it listens in a JSON line, then when each paced chat
// begins and ends, and ends with its parent.
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { 'tokens-per-chunk': { type: 'string' } },
})
const [model = 'stub-model'] = positionals
const tokensPerChunk = values['tokens-per-chunk']
const say = (facts: object): void => console.log(JSON.stringify(facts))
const stub = await startEngineStub({
  model,
  ...(tokensPerChunk === undefined ? {} : { tokensPerChunk: Number(tokensPerChunk) }),
  onChat: ({ paced, ...chat }) => {
    // The monotonic clock, which is the same for all processes of a machine.
    if (paced) say({ event: 'chat', ...chat, atNs: String(process.hrtime.bigint()) })
  },
})
say({ event: 'ready', url: stub.url })
process.stdin.resume().once('end', () => process.exit())
process.once('SIGTERM', () => process.exit())
