import { parseArgs } from 'node:util'
import { startEngineStub } from './engine-stub.ts'

// An engine in a process of its own: it says where it listens in a JSON line, then when each chat that asked for a pace of its
// own begins and ends, and ends with its parent.
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { 'tokens-per-chunk': { type: 'string' }, 'tokens-per-second': { type: 'string' } },
})
const [model = 'stub-model'] = positionals
const { 'tokens-per-chunk': tokensPerChunk, 'tokens-per-second': tokensPerSecond } = values
const say = (facts: object): void => console.log(JSON.stringify(facts))
const stub = await startEngineStub({
  model,
  ...(tokensPerChunk === undefined ? {} : { tokensPerChunk: Number(tokensPerChunk) }),
  ...(tokensPerSecond === undefined ? {} : { tokensPerSecond: Number(tokensPerSecond) }),
  onChat: ({ paced, ...chat }) => {
    if (!paced || tokensPerSecond !== undefined) return
    // The monotonic clock, which is the same for all processes of a machine.
    say({ event: 'chat', ...chat, atNs: String(process.hrtime.bigint()) })
  },
})
say({ event: 'ready', url: stub.url })
process.stdin.resume().once('end', () => process.exit())
process.once('SIGTERM', () => process.exit())
