import { startVllmDouble } from '../support/vllm-double.ts'

// An engine in a process of its own. Its faults are switched by `POST /_double`; it ends with its parent.
const [model = 'double/soak'] = process.argv.slice(2)
const double = await startVllmDouble({ model, tokens: 64, tokensPerSecond: 200, firstTokenMs: 5 })
console.log(JSON.stringify({ event: 'ready', url: double.url }))
process.stdin.resume().once('end', () => process.exit())
process.once('SIGTERM', () => process.exit())
