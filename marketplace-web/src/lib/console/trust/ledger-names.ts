import { m } from '#lib/i18n.ts'

/** As much of an id as tells it from others at a glance. */
export const short = (id: string): string =>
  id.length <= 20 ? id : `${id.slice(0, 9)}…${id.slice(-6)}`

export const accountHref = (account: string): string =>
  `/console/ledger/account?id=${encodeURIComponent(account)}`
export const transferHref = (id: string): string => `/console/ledger/transfer?id=${id}`
export const payoutHref = (id: string): string =>
  `/console/ledger/payout?id=${encodeURIComponent(id)}`
export const sessionHref = (id: string): string =>
  `/console/ledger/session?id=${encodeURIComponent(id)}`
export const statementHref = (id: string): string =>
  `/console/ledger/statement?id=${encodeURIComponent(id)}`
export const providerHref = (id: string): string =>
  `/console/providers/provider?id=${encodeURIComponent(id)}`
export const organizationHref = (id: string): string =>
  `/console/organizations/organization?id=${encodeURIComponent(id)}`

export const partsOf = (account: string): { kind: string; owner: string } => {
  const slash = account.indexOf('/')
  return { kind: account.slice(0, slash), owner: account.slice(slash + 1) }
}

/** An account in a line: what it is, and whose. */
export const accountText = (account: string): string => {
  const { kind, owner } = partsOf(account)
  const name = accountName(kind)
  return owner === 'platform' ? name : `${name} · ${short(owner)}`
}

const accounts: Readonly<Record<string, () => string>> = {
  stripe_clearing: m.ops_account_clearing,
  bank: m.ops_account_bank,
  available: m.ops_account_available,
  held: m.ops_account_held,
  payable: m.ops_account_payable,
  held_back: m.ops_account_held_back,
  payout_in_transit: m.ops_account_transit,
  revenue: m.ops_account_revenue,
  vat: m.ops_account_vat,
  stripe_fees: m.ops_account_fees,
  promotions: m.ops_account_promotions,
  losses: m.ops_account_losses,
  debt: m.ops_account_debt,
}
export const accountKinds = Object.keys(accounts)
export const accountName = (kind: string): string => accounts[kind]?.() ?? kind

const transfers: Readonly<Record<string, () => string>> = {
  top_up: m.ops_transfer_top_up,
  vat: m.ops_transfer_vat,
  hold: m.ops_transfer_hold,
  release: m.ops_transfer_release,
  usage: m.ops_transfer_usage,
  platform_fee: m.ops_transfer_fee,
  hold_back: m.ops_transfer_hold_back,
  hold_back_release: m.ops_transfer_hold_back_release,
  payout: m.ops_transfer_payout,
  payout_reversal: m.ops_transfer_payout_reversal,
  refund: m.ops_transfer_refund,
  refund_reversal: m.ops_transfer_refund_reversal,
  dispute: m.ops_transfer_dispute,
  dispute_reversal: m.ops_transfer_dispute_reversal,
  debt_recovery: m.ops_transfer_debt,
  stripe_fee: m.ops_transfer_stripe_fee,
  subscription: m.ops_transfer_subscription,
  plan_credit: m.ops_transfer_plan_credit,
  trial_credit: m.ops_transfer_trial,
  service_credit: m.ops_transfer_service,
  write_off: m.ops_transfer_write_off,
  adjustment: m.ops_transfer_adjustment,
  bank_payout: m.ops_transfer_bank,
  bank_payout_reversal: m.ops_transfer_bank_back,
}
export const transferName = (kind: string): string => transfers[kind]?.() ?? kind

const causes: Readonly<Record<string, () => string>> = {
  adjustment: m.ops_transfer_adjustment,
  authorization: m.ops_cause_authorization,
  dispute: m.ops_transfer_dispute,
  'held-earnings': m.ops_account_held_back,
  invoice: m.ops_cause_invoice,
  movement: m.ops_cause_movement,
  'organization-debt': m.ops_transfer_debt,
  payout: m.ops_transfer_payout,
  'payout-reversal': m.ops_transfer_payout_reversal,
  'provider-debt': m.ops_transfer_debt,
  receipt: m.ops_cause_receipt,
  refund: m.ops_transfer_refund,
  'service-credit': m.ops_transfer_service,
  statement: m.ops_cause_statement,
  'top-up': m.ops_transfer_top_up,
  trial: m.ops_transfer_trial,
}
export const causeName = (type: string): string => causes[type]?.() ?? type

/** Where what caused a transfer is looked at; undefined where it has no page. */
export function causeHref(type: string, id: string, party: string | null): string | undefined {
  switch (type) {
    case 'payout':
      return payoutHref(id)
    case 'receipt':
      return sessionHref(id)
    case 'statement':
      return statementHref(id)
    case 'adjustment':
      return '/console/adjustments'
    case 'dispute':
      return '/console/disputes'
    default:
      return party?.startsWith('org_') ? organizationHref(party) : undefined
  }
}
