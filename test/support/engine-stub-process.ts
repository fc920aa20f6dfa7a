import { startEngineStub } from '@hanse/simulations/lab'

// The engine stub as a process of its own, for tests that put it in another network namespace.
const stub = await startEngineStub({
  model: 'slow-model',
  tokensPerSecond: Number(process.argv[2] ?? '100'),
})
console.log(JSON.stringify({ event: 'ready', url: stub.url }))
const stop = (): void => void stub.close()
process.once('SIGTERM', stop)
process.stdin.resume().once('end', stop)
