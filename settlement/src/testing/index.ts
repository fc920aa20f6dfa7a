export { startPostgres, type TestPostgres } from '../db/testing/embedded-postgres.ts'
export { operations as stripeDoubleOperations } from '../stripe/double/operations.ts'
export { type Deal, type DealTerms, makeDeal, newSigner } from './deals.ts'
export { lineOf, type MadeStatement, makeStatement, type StatementTerms } from './statements.ts'
