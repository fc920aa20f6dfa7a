import type { Answer } from '@hanse/client'
import { session } from './session.svelte.ts'

const dayMs = 86_400_000
export const serviceDays = 30
/** A provider that answered one session in a month has a row, too. */
const limit = 100

type Measurement = Answer<'/v1/service-levels/measurements', 'get'>['measurements'][number]

/** How sessions went in the last thirty days, by day and by provider. */
export const serviceLevels = () =>
  session.query('service levels', async (client) => {
    const to = Math.ceil(Date.now() / dayMs) * dayMs
    const from = new Date(to - serviceDays * dayMs).toISOString()
    const read = async (group: 'day' | 'provider') => {
      const query = { group, from, to: new Date(to).toISOString(), limit }
      return (await client.get('/v1/service-levels/measurements', { params: { query } }))
        .measurements
    }
    const [days, providers] = await Promise.all([read('day'), read('provider')])
    return { days: days.map(rowOf), providers: providers.map(rowOf) }
  })

function rowOf({ key, good, failed, availabilityBps, msPerTokenP50, msPerTokenP95 }: Measurement) {
  const sessions = BigInt(good) + BigInt(failed)
  return { key, sessions, availabilityBps, p50: msPerTokenP50, p95: msPerTokenP95 }
}
export type ServiceRow = ReturnType<typeof rowOf>
