import { openStore } from '../../db/store.ts'
import { testContext } from '../../testing/market.ts'
import { notify } from '../deliver.ts'

// A process that sends what is due and says what came of it. Arguments: the database's URL, and the time, ms since 1970.
const [databaseUrl = '', at = '0'] = process.argv.slice(2)
const store = await openStore({ databaseUrl })
const context = testContext(store)
context.clock.now = Number(at)
process.stdout.write(
  `${JSON.stringify(await notify(context, { outpost: { privateNetworks: true } }))}\n`,
)
await store.close()
