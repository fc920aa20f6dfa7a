import { MODEL, NatLab } from '../support/nat-lab.ts'
import { streamAnswer } from '../support/stream-answer.ts'

// One answer of more than two minutes and 128 KiB, where libp2p's own limits end a relayed connection, through
// `hanse relay` as it comes: node test/bench/relay-long.ts [seconds]
const TOKENS_PER_SECOND = 25
const seconds = Number(process.argv[2] ?? '128')

await using lab = new NatLab()
const engineUrl = await lab.engine(TOKENS_PER_SECOND)
const relay = await lab.relay(['/ip4/127.0.0.1/tcp/0'])
const bootstrap = relay.addresses[0] ?? ''
await lab.provider(bootstrap, engineUrl, ['--listen', '/p2p-circuit', '--relay', 'on'])
const gatewayUrl = await lab.gateway(bootstrap)
const tokens = seconds * TOKENS_PER_SECOND
const answer = await streamAnswer(gatewayUrl, MODEL, tokens)
console.log(JSON.stringify(answer))
if (!answer.whole || answer.tokens !== tokens) process.exitCode = 1
