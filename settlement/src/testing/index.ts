export { openIssuerForTest } from '../access/testing/issuer.ts'
export { addPerson, signIn } from '../access/testing/people.ts'
export { type SeededTenant, seedTenant } from '../access/testing/seed-tenant.ts'
export { startPostgres, type TestPostgres } from '../db/testing/embedded-postgres.ts'
export { seedDemo } from '../demo/seed-demo.ts'
export { type ImportsSeed, seedImports } from '../imports/testing/seed-imports.ts'
export { totpCode } from '../people/totp.ts'
export { runDataExports } from '../rights/run-exports.ts'
export { tablesWith } from '../rights/testing/find-marker.ts'
export { operations as stripeDoubleOperations } from '../stripe/double/operations.ts'
export { topUp } from '../top-ups/top-up.ts'
export { seedUsage, type UsageSeed } from '../usage/testing/seed-usage.ts'
export { openTestStore, prepareDataDir } from './database-template.ts'
export { type Deal, type DealTerms, makeDeal, newSigner } from './deals.ts'
export { addProvider, addTenant, CENT, FakePayments, hold } from './market.ts'
export { type Aftermath, payoutStorm, type StormPlan } from './payout-storm.ts'
export {
  addPaidProvider,
  bookSession,
  openProviderMarket,
  type ProviderMarket,
} from './provider-market.ts'
export { seedPayables } from './seed-payables.ts'
export { lineOf, type MadeStatement, makeStatement, type StatementTerms } from './statements.ts'
