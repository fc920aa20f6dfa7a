import { ApiError } from './api.ts'
import { m } from './i18n.ts'

/** What went wrong in the words of the person who has to do something about it. */
export function faultText(error: unknown): string {
  if (!(error instanceof ApiError)) return m.fault_page()
  const { code, detail, status, retryAfterMs } = error
  if (code === 'HANSE_SIGN_IN_LIMITED' || status === 429) {
    return m.fault_wait({ seconds: String(Math.ceil((retryAfterMs ?? 1_000) / 1000)) })
  }
  if (withDetail.has(code)) {
    return `${texts[code]?.() ?? ''} (${detail})`
  }
  return texts[code]?.() ?? m.fault_other({ detail, code })
}

const texts: Readonly<Record<string, () => string>> = {
  HANSE_SETTLEMENT_UNAVAILABLE: m.fault_unreachable,
  HANSE_UNAUTHENTICATED: m.fault_session,
  HANSE_FORBIDDEN: m.fault_forbidden,
  HANSE_SIGN_IN_REFUSED: m.fault_sign_in,
  HANSE_SECOND_FACTOR: m.fault_second_factor,
  HANSE_PASSWORD_WEAK: m.fault_password,
  HANSE_LINK_INVALID: m.fault_link,
  HANSE_ORIGIN: m.fault_origin,
  HANSE_SIGN_UP_UNAVAILABLE: m.fault_no_mail,
  HANSE_REQUEST_INVALID: m.fault_request,
  HANSE_LAST_OWNER: m.fault_last_owner,
  HANSE_SIGN_IN_MEANS: m.fault_means,
  HANSE_NOT_FOUND: m.fault_gone,
  HANSE_PROVIDER_UNKNOWN: m.fault_provider_unknown,
  HANSE_TRADER_PROFILE: m.fault_trader_profile,
  HANSE_PAYMENT_FAILED: m.fault_payment,
  HANSE_VAT_ID_INVALID: m.fault_vat_id,
  HANSE_ORGANIZATION_DISABLED: m.fault_disabled,
  HANSE_SSO_REQUIRED: m.fault_sso,
  HANSE_LAWFUL_BASIS_REQUIRED: m.fault_basis,
  HANSE_INVITATION_INVALID: m.fault_invitation,
  HANSE_TWO_OPERATORS: m.fault_two_operators,
  HANSE_PAYOUT_RUN_STATE: m.fault_run_state,
  HANSE_MONTH_OPEN: m.fault_month_open,
  HANSE_OPERATOR_FACTOR: m.fault_operator_factor,
  HANSE_ERASURE_BLOCKED: m.fault_erasure,
  HANSE_AUDIT_PACKAGES_BUSY: m.fault_packages,
}

/** What exactly it is, the service knows best. */
const withDetail: ReadonlySet<string> = new Set([
  'HANSE_REQUEST_INVALID',
  'HANSE_FORBIDDEN',
  'HANSE_ERASURE_BLOCKED',
])
