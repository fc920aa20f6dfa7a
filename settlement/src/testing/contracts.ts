// What must hold on every store: for test runners, which give the stores and say how often.
export { billingContract } from '../billing/billing-contract.ts'
export { historiesContract } from '../histories/histories-contract.ts'
