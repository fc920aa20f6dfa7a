export const SCENARIOS = [
  'raw',
  'statements',
  'receipts',
  'batches',
  'payouts',
  'usage',
  'imports',
  'api',
] as const
export type Scenario = (typeof SCENARIOS)[number]
export const STORES = ['postgres', 'pglite'] as const
export type StoreName = (typeof STORES)[number]

/** The embedded database is for one process and small markets: it gets a tenth of the providers and of the rows of usage. */
export const SHARE = { postgres: 1, pglite: 10 } as const

/** How much of everything is done. */
export interface Scale {
  readonly rounds: number
  /** Signature checks of each thread in one round. */
  readonly checks: number
  /** Rows that are inserted raw in one round. */
  readonly rows: number
  /** Clients that send at once, each one request after the other, as nodes do. */
  readonly clients: number
  /** Statements of each client before anything is measured: a service that runs for weeks has its code compiled. */
  readonly warmUps: number
  readonly statementsEach: number
  readonly sessionsInStatement: number
  readonly receiptBatchesEach: number
  readonly receiptsInBatch: number
  readonly providers: number
  readonly usageRows: number
  /** Rows that were imported from elsewhere. */
  readonly importRows: number
  /** For how long two hundred requests come each second. */
  readonly apiSeconds: number
}

export const FULL: Scale = {
  rounds: 3,
  checks: 12_000,
  rows: 40_000,
  clients: 4,
  warmUps: 3,
  statementsEach: 15,
  sessionsInStatement: 1_000,
  receiptBatchesEach: 25,
  receiptsInBatch: 100,
  providers: 10_000,
  usageRows: 5_000_000,
  importRows: 5_000_000,
  apiSeconds: 60,
}

/** Looks whether everything works, in a minute. */
export const QUICK: Scale = {
  ...FULL,
  rounds: 1,
  checks: 500,
  rows: 2_000,
  warmUps: 1,
  statementsEach: 2,
  sessionsInStatement: 100,
  receiptBatchesEach: 2,
  receiptsInBatch: 10,
  providers: 200,
  usageRows: 20_000,
  importRows: 20_000,
  apiSeconds: 3,
}
