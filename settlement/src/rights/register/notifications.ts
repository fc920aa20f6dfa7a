import type { TableRecord } from './record.ts'

/** What is told to whom, and how good providers were. */
export const NOTIFICATIONS = {
  notification_event: {
    purpose: 'notifications',
    basis: 'contract',
    kept: 'request-metadata',
    whose: { organization: 'organization' },
    erased: { organization: 'deleted' },
    columns: {
      'free-text': 'subject cause facts',
      pseudonym: 'organization',
      technical: 'id kind severity at dispatched_at',
    },
  },
  notification_channel: {
    purpose: 'notifications',
    basis: 'contract',
    kept: 'organization',
    whose: { organization: 'organization' },
    erased: { organization: 'deleted' },
    columns: {
      'free-text': 'name hint reason',
      sealed: 'sealed',
      pseudonym: 'organization created_by',
      technical: 'id kind state failures hourly_max asked_at created_at updated_at',
    },
  },
  notification_subscription: {
    purpose: 'notifications',
    basis: 'contract',
    kept: 'organization',
    of: { column: 'channel', table: 'notification_channel', key: 'id' },
    erased: { organization: 'deleted' },
    notExported: 'of a channel or an event, which are exported',
    columns: {
      technical:
        'id channel kinds severity pace time_zone daily_at quiet_from quiet_until urgent_overrides repeat_ms created_at',
    },
  },
  notification_topic: {
    purpose: 'notifications',
    basis: 'contract',
    kept: 'organization',
    of: { column: 'subscription', table: 'notification_subscription', key: 'id' },
    erased: { organization: 'deleted' },
    notExported: 'of a channel or an event, which are exported',
    columns: {
      'free-text': 'topic',
      technical: 'subscription told_at',
    },
  },
  notification_delivery: {
    purpose: 'notifications',
    basis: 'contract',
    kept: 'organization',
    of: { column: 'channel', table: 'notification_channel', key: 'id' },
    erased: { organization: 'deleted' },
    notExported: 'of a channel or an event, which are exported',
    columns: {
      technical:
        'id channel subscription digest state attempts due_at attempted_at leased_until failure status created_at ended_at',
    },
  },
  notification_delivery_event: {
    purpose: 'notifications',
    basis: 'contract',
    kept: 'organization',
    of: { column: 'delivery', table: 'notification_delivery', key: 'id' },
    erased: { organization: 'deleted' },
    notExported: 'of a channel or an event, which are exported',
    columns: {
      technical: 'delivery event',
    },
  },
  service_level: {
    purpose: 'service-quality',
    basis: 'contract',
    kept: 'organization',
    notExported: 'terms that are public, or an organization’s plan, which names nobody',
    columns: {
      pseudonym: 'created_by',
      technical: 'id scope effective_from content created_at',
    },
  },
  service_hour: {
    purpose: 'service-quality',
    basis: 'contract',
    kept: 'request-metadata',
    whose: { organization: 'organization', provider: 'provider' },
    erased: { organization: 'deleted', provider: 'kept' },
    because: 'counts by the hour',
    columns: {
      pseudonym: 'organization provider',
      activity:
        'model good failed ended cut pace_5 pace_7 pace_10 pace_14 pace_20 pace_28 pace_40 pace_56 pace_80 pace_112 pace_160 pace_224 pace_320 pace_448 pace_640 pace_900 pace_1280 pace_2560 pace_more',
      technical: 'hour',
    },
  },
  latency_hour: {
    purpose: 'service-quality',
    basis: 'contract',
    kept: 'request-metadata',
    whose: { organization: 'organization' },
    erased: { organization: 'deleted' },
    columns: {
      pseudonym: 'organization provider',
      activity: 'model answers',
      technical: 'hour measure bound',
    },
  },
  service_cut: {
    purpose: 'service-quality',
    basis: 'contract',
    kept: 'request-metadata',
    notExported: 'a mark on a session, which is exported',
    columns: {
      pseudonym: 'session',
    },
  },
  service_timing: {
    purpose: 'service-quality',
    basis: 'contract',
    kept: 'request-metadata',
    whose: { organization: 'organization' },
    erased: { organization: 'deleted' },
    columns: {
      pseudonym: 'session organization',
      activity: 'duration_ms',
      proof: 'signed',
      technical: 'at',
    },
  },
  service_mark: {
    purpose: 'operations',
    basis: 'none',
    kept: 'operations',
    notExported: 'names nobody',
    columns: {
      technical: 'only_one booked_by session sequence',
    },
  },
  maintenance_window: {
    purpose: 'service-quality',
    basis: 'contract',
    kept: 'provider',
    whose: { provider: 'provider' },
    erased: { provider: 'emptied' },
    instead: { reason: 'erased' },
    because: 'whether a provider was there when it had promised to be',
    columns: {
      'free-text': 'reason',
      pseudonym: 'provider created_by cancelled_by',
      technical: 'id starts_at ends_at created_at cancelled_at',
    },
  },
  service_judgement: {
    purpose: 'service-quality',
    basis: 'legal-obligation',
    kept: 'accounting',
    whose: { organization: 'organization' },
    erased: { organization: 'kept' },
    because: 'commercial and tax law: ten years',
    columns: {
      pseudonym: 'organization',
      technical: 'month level at',
    },
  },
  service_credit: {
    purpose: 'service-quality',
    basis: 'legal-obligation',
    kept: 'accounting',
    whose: { organization: 'organization', provider: 'provider' },
    erased: { organization: 'kept', provider: 'kept' },
    because: 'commercial and tax law: ten years',
    columns: {
      'free-text': 'note',
      pseudonym: 'organization provider decided_by',
      activity: 'good failed slow',
      money: 'spend fee amount',
      proof: 'decided_at',
      technical: 'id month credit_bps corroborated state created_at',
    },
  },
} as const satisfies Readonly<Record<string, TableRecord>>
