export const SCENARIOS = ['raw', 'statements', 'receipts', 'batches', 'payouts', 'usage'] as const
export type Scenario = (typeof SCENARIOS)[number]
export const STORES = ['postgres', 'pglite'] as const
export type StoreName = (typeof STORES)[number]

/** How much of everything is done. */
export interface Scale {
  readonly rounds: number
  /** Signature checks of each thread in one round. */
  readonly checks: number
  /** Rows that are inserted raw in one round. */
  readonly rows: number
  /** Clients that send at once, each one request after the other, as nodes do. */
  readonly clients: number
  readonly statementsEach: number
  readonly sessionsInStatement: number
  readonly receiptBatchesEach: number
  readonly receiptsInBatch: number
  readonly providers: number
  readonly usageRows: number
}

export const FULL: Scale = {
  rounds: 3,
  checks: 12_000,
  rows: 40_000,
  clients: 4,
  statementsEach: 15,
  sessionsInStatement: 1_000,
  receiptBatchesEach: 25,
  receiptsInBatch: 100,
  providers: 10_000,
  usageRows: 5_000_000,
}

/** Looks whether everything works, in a minute. */
export const QUICK: Scale = {
  ...FULL,
  rounds: 1,
  checks: 500,
  rows: 2_000,
  statementsEach: 2,
  sessionsInStatement: 100,
  receiptBatchesEach: 2,
  receiptsInBatch: 10,
  providers: 200,
  usageRows: 20_000,
}
