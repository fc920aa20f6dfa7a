export { type Location, type LocationEvidence, locationOf } from './location.ts'
export { standardRateBps } from './rates.ts'
export { type SplitAmount, splitAmount, type TaxableAmount } from './split-amount.ts'
export {
  type Supply,
  type Tax,
  type TaxCategory,
  type TaxCustomer,
  type TaxEvidence,
  type TaxRule,
  type TaxSeller,
  taxOf,
} from './tax-of.ts'
export { EU_STATES, type EuState, isEuState, vatPlaceOf } from './territories.ts'
export { isVatIdOf, normalVatId, stateOfVatId } from './vat-id.ts'
export {
  confirmedByOperator,
  type VatIdAnswer,
  type VatIdCheck,
  type VatIdChecker,
} from './vat-id-checker.ts'
export { viesChecker } from './vies.ts'
