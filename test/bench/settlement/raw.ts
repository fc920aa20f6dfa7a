import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { SettlementStore } from '@hanse/settlement'

/** Signature checks a second of so many threads at once. */
export async function rawChecks(threads: number, checks: number): Promise<number> {
  const workers = Array.from({ length: threads }, () => {
    const url = new URL('./verify-thread.ts', import.meta.url)
    return new Worker(url, { workerData: { checks } })
  })
  try {
    const all = async () => {
      await Promise.all(
        workers.map((worker) => {
          worker.postMessage('go')
          return once(worker, 'message')
        }),
      )
    }
    // The first time the code is compiled.
    await all()
    const start = performance.now()
    await all()
    return (threads * checks * 1000) / (performance.now() - start)
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()))
  }
}

const ROWS_IN_STATEMENT = 1_000

/** Rows a second into a table of the narrowest shape that a receipt could have, a thousand in one statement. */
export async function rawInserts(store: SettlementStore, rows: number): Promise<number> {
  await store.executeSql(
    `create table if not exists raw_insert (session text, sequence int8, organization text, provider text, amount numeric,
      cid text, primary key (session, sequence))`,
  )
  const batches = Array.from({ length: rows / ROWS_IN_STATEMENT }, () =>
    JSON.stringify(
      Array.from({ length: ROWS_IN_STATEMENT }, () => ({
        session: crypto.randomUUID(),
        sequence: 1,
        organization: 'org_1',
        provider: 'provider_1',
        amount: '1000000',
        cid: crypto.randomUUID(),
      })),
    ),
  )
  const start = performance.now()
  for (const batch of batches) {
    await store.executeSql(
      `insert into raw_insert select * from json_to_recordset($1::text::json)
        as x(session text, sequence int8, organization text, provider text, amount numeric, cid text)`,
      [batch],
    )
  }
  const perSecond = (rows * 1000) / (performance.now() - start)
  await store.executeSql('drop table raw_insert')
  return perSecond
}
