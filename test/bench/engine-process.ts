import { startEngineStub } from '../support/engine-stub.ts'

// The engine of the benchmark, in a process of its own: it says where it listens in a JSON line, and ends with its parent.
const [model = 'stub-model'] = process.argv.slice(2)
const stub = await startEngineStub({ model })
console.log(JSON.stringify({ event: 'ready', url: stub.url }))
process.stdin.resume().once('end', () => process.exit())
process.once('SIGTERM', () => process.exit())
