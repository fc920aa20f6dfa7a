import { parseArgs } from 'node:util'
import { MODEL } from '../support/nat-lab.ts'
import { ConsumerRig } from './consumer-rig.ts'
import { firstToken, TOKENS } from './consumer-times.ts'
import type { LoadClient } from './load-client.ts'
import { machineFacts } from './report.ts'
import { percentile } from './statistics.ts'
import { tell } from './told.ts'

const USAGE = `usage: npm run bench:first-token -- [--json FILE] [--quick]

The first token over the DHT: cold, by a consumer that is connected to nobody but the relay and knows no offer, and warm, with
offer and connection there; beside the engine itself and Portkey's gateway, in turns.

  --json FILE   where the figures are written (default: bench-results/first-token.json)
  --quick       a rough run of some seconds`

/** Peers that keep the DHT beside relay and provider; how often each round asks of each side; rounds. */
const FULL = { peers: 12, rounds: 8, cold: 25, warm: 50 }
const QUICK = { peers: 3, rounds: 1, cold: 3, warm: 5 }
/** Of all sides, before anything counts. */
const WARM_UPS = 10

const SIDES = ['cold', 'direct new', 'portkey new', 'warm', 'direct kept', 'portkey kept'] as const

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      json: { type: 'string', default: 'bench-results/first-token.json' },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    console.log(USAGE)
    return
  }
  const scale = values.quick ? QUICK : FULL
  const startedAt = new Date().toISOString()
  const machine = machineFacts()
  process.stderr.write('starting relay, peers of the DHT, engine, provider, portkey…\n')
  await using rig = await ConsumerRig.start(scale.peers)
  const samples = await measure(rig, scale)
  const [p50, p99] = [0.5, 0.99].map(
    (share) => (side: (typeof SIDES)[number]) => percentile(samples[side], share),
  ) as [(side: (typeof SIDES)[number]) => number, (side: (typeof SIDES)[number]) => number]
  tell(
    {
      benchmark: 'first-token',
      quick: values.quick,
      startedAt,
      machine,
      values: {
        'dht-cold-p50': { ours: p50('cold'), limit: p50('direct new'), other: p50('portkey new') },
        'dht-cold-p99': { ours: p99('cold'), limit: p99('direct new'), other: p99('portkey new') },
        'dht-warm-p50': {
          ours: p50('warm'),
          limit: p50('direct kept'),
          other: p50('portkey kept'),
        },
        'dht-warm-p99': {
          ours: p99('warm'),
          limit: p99('direct kept'),
          other: p99('portkey kept'),
        },
      },
      samples,
    },
    values.json,
  )
}

async function measure(
  rig: ConsumerRig,
  { rounds, cold, warm }: typeof FULL,
): Promise<Record<(typeof SIDES)[number], number[]>> {
  await using stack = new AsyncDisposableStack()
  const portkey = await rig.portkey()
  const known = stack.use(await rig.newConsumer())
  const kept = [rig.direct(), portkey()] as const
  for (const client of kept) stack.defer(() => client.close())
  const sides: Record<(typeof SIDES)[number], () => Promise<number>> = {
    cold: async () => {
      await using consumer = await rig.newConsumer()
      return await firstToken(consumer, MODEL)
    },
    'direct new': async () => await onNewConnection(rig.direct()),
    'portkey new': async () => await onNewConnection(portkey()),
    warm: async () => await firstToken(known, MODEL),
    'direct kept': async () => (await kept[0].ask({ tokens: TOKENS })).firstTokenMs,
    'portkey kept': async () => (await kept[1].ask({ tokens: TOKENS })).firstTokenMs,
  }
  for (const name of SIDES) for (let i = 0; i < WARM_UPS; i++) await sides[name]()
  const samples = Object.fromEntries(SIDES.map((name) => [name, [] as number[]])) as Record<
    (typeof SIDES)[number],
    number[]
  >
  for (let round = 1; round <= rounds; round++) {
    for (const name of SIDES) {
      const times = name === 'cold' || name.endsWith('new') ? cold : warm
      for (let i = 0; i < times; i++) samples[name].push(await sides[name]())
    }
    process.stderr.write(`round ${round} of ${rounds}\n`)
  }
  return samples
}

async function onNewConnection(client: LoadClient): Promise<number> {
  try {
    return (await client.ask({ tokens: TOKENS })).firstTokenMs
  } finally {
    client.close()
  }
}

await main()
