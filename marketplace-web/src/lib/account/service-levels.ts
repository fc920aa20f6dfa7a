import type { Answer } from '@hanse/client'
import { session } from './session.svelte.ts'

const dayMs = 86_400_000
export const serviceDays = 30
/** A provider that answered one session in a month has a row, too. */
const limit = 100

type Measurement = Answer<'/v1/service-levels/measurements', 'get'>['measurements'][number]

/** How sessions went in the last thirty days, by day, provider and model. */
export const serviceLevels = () =>
  session.query('service levels', async (client) => {
    const to = Math.ceil(Date.now() / dayMs) * dayMs
    const from = new Date(to - serviceDays * dayMs).toISOString()
    const read = async (group: 'day' | 'provider' | 'model') => {
      const query = { group, from, to: new Date(to).toISOString(), limit }
      return (await client.get('/v1/service-levels/measurements', { params: { query } }))
        .measurements
    }
    const [days, providers, models] = await Promise.all([
      read('day'),
      read('provider'),
      read('model'),
    ])
    return {
      days: days.map(rowOf),
      providers: providers.map(rowOf),
      firstTokens: {
        days: days.map(waitOf).filter(isObserved),
        models: models.map(waitOf).filter(isObserved),
      },
    }
  })

function rowOf({ key, good, failed, availabilityBps, msPerTokenP50, msPerTokenP95 }: Measurement) {
  const sessions = BigInt(good) + BigInt(failed)
  return { key, sessions, availabilityBps, p50: msPerTokenP50, p95: msPerTokenP95 }
}
/** By the consumers' own clocks, of the answers that their gateways told of. */
function waitOf({ key, firstToken, answer }: Measurement) {
  const { observed, msP50, msP95 } = firstToken
  return { key, sessions: BigInt(observed), p50: msP50, p95: msP95, answer }
}
export type WaitRow = ReturnType<typeof waitOf>
const isObserved = ({ sessions }: WaitRow): boolean => sessions > 0n

export type ServiceRow = ReturnType<typeof rowOf>
