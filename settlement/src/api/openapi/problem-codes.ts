import type { SettlementCode } from '../../errors.ts'
import { MOVES_MONEY } from './idempotency.ts'
import type { Operation, RouteName } from './openapi-types.ts'

type Codes = readonly SettlementCode[]

const PAYMENT: Codes = ['HANSE_PAYMENT_FAILED', 'HANSE_PAYMENTS_UNAVAILABLE']
const CARD: Codes = [
  'HANSE_RATE_CARD_INVALID',
  'HANSE_RATE_CARD_SUSPICIOUS',
  'HANSE_RATE_CARD_ADDRESS',
  'HANSE_RATE_CARD_UNREACHABLE',
]
const WHAT_IF: Codes = [
  'HANSE_PRICE_UNKNOWN',
  'HANSE_USAGE_INVALID',
  'HANSE_USAGE_GONE',
  'HANSE_EXCHANGE_RATE_UNKNOWN',
  'HANSE_NOT_FOUND',
]
const IMPORT: Codes = [
  'HANSE_IMPORT_FORMAT',
  'HANSE_IMPORT_FIELD',
  'HANSE_IMPORT_DECIMAL_COMMA',
  'HANSE_IMPORT_LIMIT',
]
const CHANNEL: Codes = ['HANSE_CHANNEL_STATE', 'HANSE_CHANNEL_ADDRESS', 'HANSE_CHANNEL_LIMIT']
const BATCH: Codes = [
  'HANSE_INGEST_BUSY',
  'HANSE_INGEST_INTERRUPTED',
  'HANSE_RECORD_MALFORMED',
  'HANSE_RECORD_NOT_CANONICAL',
  'HANSE_RECORD_FIELDS',
]
const SIGNED: Codes = [
  'HANSE_SIGNATURE_INVALID',
  'HANSE_SIGNATURE_MISSING',
  'HANSE_RECORD_MALFORMED',
  'HANSE_RECORD_FIELDS',
]
const SIGN_IN: Codes = ['HANSE_SIGN_IN_REFUSED', 'HANSE_SIGN_IN_LIMITED', 'HANSE_ORIGIN']
const SSO: Codes = ['HANSE_SSO_UNAVAILABLE']

const ERASURE: Codes = [
  'HANSE_ERASURE_BLOCKED',
  'HANSE_LAST_OWNER',
  'HANSE_SIGN_IN_AGAIN',
  'HANSE_NOT_FOUND',
  'HANSE_RIGHTS_REQUEST_STATE',
  'HANSE_PAYMENTS_UNAVAILABLE',
  'HANSE_PAYMENT_FAILED',
]

/** What parts of the API refuse beside what all of it does, by patterns of `METHOD path`. Each that fits counts. */
const OWN: readonly (readonly [RegExp, Codes])[] = [
  [/^GET \/readyz$/u, ['HANSE_NOT_READY']],
  [
    /^POST \/v1\/gdpr\/deletions\/confirmations$/u,
    [...SIGNED, 'HANSE_NOT_FOUND', 'HANSE_DELETION_CONFIRMATION'],
  ],
  [/^\w+ \/v1\/providers\/self\/gdpr\//u, ['HANSE_PROVIDER_UNKNOWN']],
  [/^\w+ \/v1\/providers\/self\/gdpr\/.*(?:requests|exports)\/[^/]+/u, ['HANSE_NOT_FOUND']],
  [
    /^POST \/v1\/(?:gdpr\/(?:me\/)?|providers\/self\/gdpr\/)erase$|\/gdpr\/requests\/[^/]+\/erasure$/u,
    ERASURE,
  ],
  [
    /^\w+ \/v1\/(?:admin\/)?gdpr\/.*(?:requests|exports)\/[^/]+|^DELETE \/v1\/gdpr\/bases$/u,
    ['HANSE_NOT_FOUND'],
  ],
  [
    /^GET \/v1\/(?:admin\/|providers\/self\/)?gdpr\/.*exports\/[^/]+\/file$/u,
    ['HANSE_DATA_EXPORT_STATE'],
  ],
  [/^POST \/v1\/admin\/backups$/u, ['HANSE_BACKUP_VAULT']],
  [
    /^POST \/v1\/(?:admin\/|providers\/self\/)?gdpr\/(?:me\/)?requests\/[^/]+\/(?:steps|withdraw)$/u,
    ['HANSE_RIGHTS_REQUEST_STATE'],
  ],
  [
    /^POST \/v1\/authorizations(?:$|\/[^/]+\/top-ups$)/u,
    ['HANSE_LAWFUL_BASIS_REQUIRED', 'HANSE_PROCESSING_RESTRICTED'],
  ],
  [/^POST \/v1\/attestations(?:$|\/challenges$)/u, ['HANSE_PROCESSING_RESTRICTED']],
  [/^POST \/v1\/(?:admin\/)?(?:top-ups|checkouts|refunds)$/u, PAYMENT],
  [
    /^POST \/v1\/(?:admin\/)?refunds$/u,
    ['HANSE_REFUND_LIMIT', 'HANSE_BALANCE_INSUFFICIENT', 'HANSE_NOT_FOUND'],
  ],
  [/^\w+ \/v1\/subscription(?:$|\/resume)/u, [...PAYMENT, 'HANSE_NOT_FOUND']],
  [/^POST \/v1\/subscription$/u, ['HANSE_PLAN_ACTIVE']],
  [/^PUT \/v1\/automatic-top-up$/u, ['HANSE_PAYMENT_FAILED']],
  [
    /^\w+ \/v1\/(?:automatic-top-up|billing\/profile|(?:admin\/)?subscriptions)$/u,
    ['HANSE_NOT_FOUND'],
  ],
  [/^\w+ \/v1\/payment-methods/u, PAYMENT],
  [/^PUT \/v1\/billing\/profile$/u, ['HANSE_VAT_ID_INVALID', ...PAYMENT]],
  [/^POST \/v1\/admin\/organizations\/.*vat-id/u, ['HANSE_VAT_ID_CHANGED']],
  [
    /^POST \/v1\/authorizations$/u,
    [
      'HANSE_BALANCE_INSUFFICIENT',
      'HANSE_ORGANIZATION_IN_DEBT',
      'HANSE_CONSUMER_UNKNOWN',
      'HANSE_PROVIDER_UNKNOWN',
      'HANSE_BUDGET_EXHAUSTED',
      'HANSE_BUDGET_RESERVED',
      'HANSE_POLICY_REFUSED',
    ],
  ],
  [
    /^POST \/v1\/authorizations\/[^/]+\/top-ups$/u,
    [
      'HANSE_AUTHORIZATION_CLOSED',
      'HANSE_BALANCE_INSUFFICIENT',
      'HANSE_ORGANIZATION_IN_DEBT',
      'HANSE_BUDGET_EXHAUSTED',
      'HANSE_BUDGET_RESERVED',
      'HANSE_POLICY_REFUSED',
    ],
  ],
  [/^POST \/v1\/authorizations\/[^/]+\/release$/u, ['HANSE_RELEASE_CONSENT', ...SIGNED]],
  [/^POST \/v1\/consumers$/u, ['HANSE_CONSUMER_TAKEN']],
  [/^POST \/v1\/admin\/organizations/u, ['HANSE_CONSUMER_TAKEN']],
  [/^POST \/v1\/(?:admin\/)?rate-cards\/import$/u, CARD],
  [/^POST \/v1\/(?:admin\/)?costs\/what-if$/u, WHAT_IF],
  [/^POST \/v1\/(?:imports|otlp|bills)/u, IMPORT],
  [/^POST \/v1\/(?:imports|otlp)/u, ['HANSE_IMPORT_OPEN', 'HANSE_IMPORT_CONFLICT']],
  [/^POST \/v1\/bills(?:\/csv)?$/u, ['HANSE_BILL_EXISTS']],
  [/^POST \/v1\/audit\/packages$/u, ['HANSE_AUDIT_PACKAGES_BUSY', 'HANSE_NOT_FOUND']],
  [/^(?:POST|PUT) \/v1\/exports\/schedules/u, ['HANSE_EXPORT_TARGET', 'HANSE_EXPORT_LIMIT']],
  [/^GET \/v1\/(?:exports|showback)/u, ['HANSE_USAGE_GONE', 'HANSE_EXPORT_SIZE']],
  [/^POST \/v1\/admin\/.*service-/u, ['HANSE_SERVICE_CREDIT_STATE']],
  [/^POST \/v1\/attestations$/u, ['HANSE_LOCATION_EVIDENCE']],
  [/^POST \/v1\/keys/u, ['HANSE_KEYS_LIMIT']],
  [/^(?:PUT|DELETE) \/v1\/members\//u, ['HANSE_LAST_OWNER']],
  [/^POST \/v1\/invitations$/u, ['HANSE_MEMBERS_LIMIT', 'HANSE_MAIL_UNAVAILABLE']],
  [
    /^POST \/v1\/invitations\/(?:show|accept)$/u,
    ['HANSE_INVITATION_INVALID', 'HANSE_UNAUTHENTICATED', 'HANSE_FORBIDDEN', 'HANSE_MEMBERS_LIMIT'],
  ],
  [/^\w+ \/v1\/sso/u, SSO],
  [/^\w+ \/v1\/sso\/(?:sign-in|callback)/u, ['HANSE_SSO_FAILED', 'HANSE_NOT_FOUND']],
  [/^POST \/v1\/sso\/domains/u, ['HANSE_DOMAIN_UNPROVEN', 'HANSE_DOMAIN_TAKEN']],
  [/^\w+ \/scim\/v2\/Groups/u, ['HANSE_GROUP_KNOWN', 'HANSE_GROUPS_LIMIT']],
  [/^PUT \/v1\/scim-groups/u, ['HANSE_SIGN_IN_AGAIN', 'HANSE_NOT_FOUND']],
  [/^DELETE \/v1\/account$/u, ['HANSE_LAST_OWNER']],
  [/^POST \/v1\/account\/email$/u, ['HANSE_FORBIDDEN', 'HANSE_SIGN_UP_UNAVAILABLE']],
  [/^POST \/v1\/account\/email\/confirm$/u, ['HANSE_LINK_INVALID']],
  [/^\w+ \/scim\/v2\//u, ['HANSE_USER_KNOWN', 'HANSE_MEMBERS_LIMIT', 'HANSE_LAST_OWNER']],
  [/^POST \/v1\/organizations$/u, ['HANSE_ORGANIZATIONS_MAX', 'HANSE_FORBIDDEN']],
  [/^(?:POST|PATCH|PUT|DELETE) \/v1\/(?:admin\/)?(?:channels|subscriptions)/u, CHANNEL],
  [/^POST \/v1\/(?:admin\/)?channels/u, ['HANSE_MAIL_UNAVAILABLE']],
  [/^POST \/v1\/channels\/(?:confirm|unsubscribe)$/u, ['HANSE_LINK_INVALID']],
  [/^POST \/v1\/sign-up$/u, ['HANSE_PASSWORD_WEAK', 'HANSE_SIGN_UP_UNAVAILABLE', 'HANSE_ORIGIN']],
  [/^POST \/v1\/verify-email$/u, ['HANSE_LINK_INVALID', 'HANSE_ORIGIN']],
  [
    /^POST \/v1\/password-reset/u,
    ['HANSE_SIGN_UP_UNAVAILABLE', 'HANSE_LINK_INVALID', 'HANSE_PASSWORD_WEAK', 'HANSE_ORIGIN'],
  ],
  [/^POST \/v1\/sign-in/u, SIGN_IN],
  [/^POST \/v1\/sign-in$/u, ['HANSE_SECOND_FACTOR']],
  [/^POST \/v1\/sign-in\/passkey$/u, ['HANSE_PASSKEY_INVALID']],
  [/^(?:POST|PATCH|DELETE) \/v1\/account/u, ['HANSE_SIGN_IN_AGAIN']],
  [/^POST \/v1\/account\/password$/u, ['HANSE_PASSWORD_WEAK', 'HANSE_SIGN_IN_REFUSED']],
  [/^\w+ \/v1\/account\/(?:totp|recovery)/u, ['HANSE_SIGN_IN_REFUSED', 'HANSE_NOT_FOUND']],
  [/^DELETE \/v1\/account\/(?:totp|passkeys)/u, ['HANSE_SIGN_IN_MEANS']],
  [/^POST \/v1\/account\/passkeys$/u, ['HANSE_PASSKEY_INVALID']],
  [/^POST \/v1\/(?:receipts|statements)$/u, BATCH],
  [
    /^POST \/v1\/providers$/u,
    [
      ...SIGNED,
      'HANSE_PROVIDER_COUNTRY',
      'HANSE_PROVIDER_COUNTRY_UNSUPPORTED',
      'HANSE_PAYMENTS_UNAVAILABLE',
    ],
  ],
  [/^POST \/v1\/providers\/self\/releases$/u, SIGNED],
  [/^\w+ \/v1\/(?:provider\/earnings|providers|attestations)/u, ['HANSE_PROVIDER_UNKNOWN']],
  [/^POST \/v1\/providers\/self\/links$/u, ['HANSE_NODE_CODE_INVALID', 'HANSE_NODE_LINKS_LIMIT']],
  [/^\w+ \/v1\/account\/nodes\/\{peerId\}\//u, ['HANSE_PROVIDER_UNKNOWN']],
  [
    /^(?:GET|POST) \/v1\/account\/nodes\/\{peerId\}\/payout-account/u,
    ['HANSE_PAYMENTS_UNAVAILABLE'],
  ],
  [/^PUT \/v1\/account\/nodes/u, ['HANSE_SIGN_IN_AGAIN']],
  [/^GET \/v1\/log\/proof/u, ['HANSE_AUDIT_PENDING']],
  [/^POST \/v1\/stripe\/webhook$/u, ['HANSE_WEBHOOK_SIGNATURE', 'HANSE_PAYMENTS_UNAVAILABLE']],
  [/^GET \/v1\/.*documents\/\{file\}$/u, ['HANSE_DOCUMENT_FORM', 'HANSE_DOCUMENT_RESTRICTED']],
  [
    /^POST \/v1\/admin\/documents\/\{number\}\/openings$/u,
    ['HANSE_DOCUMENT_FORM', 'HANSE_DUTY_KEY'],
  ],
  [/^POST \/v1\/admin\/operators$/u, ['HANSE_OPERATOR_TAKEN']],
  [
    /^PUT \/v1\/admin\/operators\/\{operator\}\/person$/u,
    ['HANSE_OPERATOR_FACTOR', 'HANSE_OPERATOR_LINKED'],
  ],
  [
    /^POST \/v1\/admin\/payout-runs/u,
    ['HANSE_PAYOUT_RUN_STATE', 'HANSE_TWO_OPERATORS', 'HANSE_PAYMENTS_UNAVAILABLE'],
  ],
  [/^POST \/v1\/admin\/payouts/u, ['HANSE_PAYOUT_STATE', ...PAYMENT]],
  [/^(?:PUT|DELETE) \/v1\/admin\/providers/u, ['HANSE_PAYOUT_HELD', 'HANSE_PROVIDER_UNKNOWN']],
  [
    /^POST \/v1\/admin\/adjustments/u,
    ['HANSE_ADJUSTMENT_ACCOUNT', 'HANSE_ADJUSTMENT_STATE', 'HANSE_TWO_OPERATORS'],
  ],
  [/^POST \/v1\/admin\/disputes/u, PAYMENT],
  [/^POST \/v1\/admin\/months/u, ['HANSE_MONTH_OPEN']],
  [/^POST \/v1\/admin\/reconciliations/u, ['HANSE_PAYMENTS_UNAVAILABLE']],
  [/^POST \/v1\/admin\/breaches/u, ['HANSE_BREACH_STEP']],
  [/^PUT \/v1\/(?:providers\/self|account\/nodes\/\{peerId\})\/trader$/u, ['HANSE_TRADER_PROFILE']],
  [/^\w+ \/v1\/admin\/traders/u, ['HANSE_PROVIDER_UNKNOWN']],
  [
    /^POST \/v1\/admin\/sessions/u,
    [
      'HANSE_RESOLUTION_INVALID',
      'HANSE_RESOLUTION_NEGATIVE',
      'HANSE_HOLD_RELEASED',
      'HANSE_RECEIPT_LIMIT',
    ],
  ],
]

/** The codes that a route is known to answer with, without doubles. */
export function codesOf(name: RouteName, operation: Operation): SettlementCode[] {
  const own = OWN.flatMap(([pattern, codes]) => (pattern.test(name) ? codes : []))
  return [...new Set([...general(name, operation), ...own])]
}

function general(name: RouteName, operation: Operation): Codes {
  const { parameters = [], requestBody, security = [] } = operation
  const hasInput = parameters.length > 0 || requestBody !== undefined
  return [
    'HANSE_RATE_LIMITED',
    'HANSE_INTERNAL',
    'HANSE_STORE_CLOSED',
    'HANSE_OVERLOADED',
    ...pick(hasInput, 'HANSE_REQUEST_INVALID'),
    ...pick(requestBody !== undefined, 'HANSE_REQUEST_TOO_LARGE', 'HANSE_MEDIA_TYPE'),
    ...pick(isJson(operation), 'HANSE_REQUEST_JSON'),
    ...pick(name.includes('{'), 'HANSE_NOT_FOUND'),
    ...pick(security.length > 0, 'HANSE_UNAUTHENTICATED'),
    ...forbidden(name, operation),
    ...pick(MOVES_MONEY.has(name), 'HANSE_IDEMPOTENCY_KEY'),
  ]
}

/** Whoever is known may still not be allowed; a session also not from a page of somebody else. */
function forbidden(name: RouteName, { security = [], ...operation }: Operation): Codes {
  const isOwn = operation['x-permissions'] !== undefined
  const isBySession = security.some((one) => 'session' in one)
  const isChange = !name.startsWith('GET ')
  const mayBeRestricted = isOwn || (operation['x-caller'] === 'person' && isChange)
  return [
    ...pick(isOwn, 'HANSE_FORBIDDEN', 'HANSE_SSO_REQUIRED', 'HANSE_ORGANIZATION_DISABLED'),
    ...pick(
      operation['x-caller'] === 'operator',
      'HANSE_FORBIDDEN',
      'HANSE_SIGN_IN_LIMITED',
      'HANSE_OPERATOR_FACTOR',
      'HANSE_SIGN_IN_AGAIN',
    ),
    ...pick(isBySession && isChange, 'HANSE_ORIGIN'),
    ...pick(
      mayBeRestricted && operation['x-while-restricted'] !== true,
      'HANSE_PROCESSING_RESTRICTED',
    ),
  ]
}

const isJson = ({ requestBody }: Operation): boolean =>
  requestBody?.content['application/json'] !== undefined

const pick = (when: boolean, ...codes: SettlementCode[]): Codes => (when ? codes : [])
