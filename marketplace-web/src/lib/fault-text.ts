import { ApiFault } from './api.ts'
import { m } from './i18n.ts'

/** What went wrong in the words of the person who has to do something about it. */
export function faultText(error: unknown): string {
  if (!(error instanceof ApiFault)) return m.fault_page()
  if (error.code === 'HANSE_SIGN_IN_LIMITED' || error.status === 429) {
    return m.fault_wait({ seconds: String(error.retryAfterSeconds ?? 1) })
  }
  return texts[error.code]?.() ?? m.fault_other({ detail: error.message, code: error.code })
}

const texts: Readonly<Record<string, () => string>> = {
  UNREACHABLE: m.fault_unreachable,
  HANSE_SIGN_IN_REFUSED: m.fault_sign_in,
  HANSE_SECOND_FACTOR: m.fault_second_factor,
  HANSE_PASSWORD_WEAK: m.fault_password,
  HANSE_LINK_INVALID: m.fault_link,
  HANSE_ORIGIN: m.fault_origin,
  HANSE_SIGN_UP_UNAVAILABLE: m.fault_no_mail,
  HANSE_REQUEST_INVALID: m.fault_request,
}
