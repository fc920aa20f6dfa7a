import type { HanseError } from '@hanse/node/consumer'
import { m } from '#lib/i18n.ts'

/** What went wrong, in words for who looks at it, and what to do. */
export type Fault = {
  readonly code: string
  readonly text: string
  readonly advice: string
  /** The protocol's own words, which are English. */
  readonly isForeign: boolean
}

/** Whatever a consumer threw. @param catalogue `ERRORS` of the node that threw it */
export function faultOf(
  error: unknown,
  catalogue: Readonly<Record<string, { readonly advice: string }>> = {},
): Fault {
  const { code, message } = error as Partial<Pick<HanseError, 'code' | 'message'>>
  if (code === undefined) return { ...known('PAGE'), code: 'PAGE' }
  const own = texts[code]
  if (own !== undefined) return { ...known(code), code }
  const advice = catalogue[code]?.advice ?? ''
  return { code, text: message ?? code, advice, isForeign: true }
}

/** A fault that the page itself finds. */
export function known(code: keyof typeof texts): Fault {
  const [text, advice] = texts[code] ?? texts.PAGE
  return { code: String(code), text: text(), advice: advice(), isForeign: false }
}

const texts: Readonly<Record<string, readonly [text: () => string, advice: () => string]>> & {
  readonly PAGE: readonly [() => string, () => string]
} = {
  PAGE: [m.node_fault_page, m.node_fault_page_do],
  NO_NETWORK: [m.node_fault_no_network, m.node_fault_no_network_do],
  NO_CONFIG: [m.node_fault_no_config, m.node_fault_no_config_do],
  NOT_LOADED: [m.node_fault_not_loaded, m.node_fault_not_loaded_do],
  HANSE_ALREADY_RUNNING: [m.node_fault_running, m.node_fault_running_do],
  HANSE_MODEL_UNKNOWN: [m.node_fault_model, m.node_fault_model_do],
  HANSE_NO_PROVIDER: [m.node_fault_provider, m.node_fault_provider_do],
  HANSE_PROVIDER_UNREACHABLE: [m.node_fault_unreachable, m.node_fault_unreachable_do],
  HANSE_AUTHORIZATION_REQUIRED: [m.node_fault_money, m.node_fault_money_do],
  HANSE_BALANCE_INSUFFICIENT: [m.node_fault_balance, m.node_fault_balance_do],
  HANSE_BUDGET_EXHAUSTED: [m.node_fault_budget, m.node_fault_budget_do],
  HANSE_BUDGET_RESERVED: [m.node_fault_budget, m.node_fault_budget_do],
  HANSE_SETTLEMENT_UNAVAILABLE: [m.node_fault_settlement, m.node_fault_settlement_do],
  HANSE_DISK_FULL: [m.node_fault_storage, m.node_fault_storage_do],
}
