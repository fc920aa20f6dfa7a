import { sql } from 'drizzle-orm'
import type { RetentionClass, TableRule } from './rule.ts'

const kept = (names: string): TableRule[] =>
  names
    .trim()
    .split(/\s+/u)
    .map((table) => ({ table, removal: 'kept' }))
const account = (names: string): TableRule[] =>
  names
    .trim()
    .split(/\s+/u)
    .map((table) => ({ table, removal: 'account' }))

/** Article 19 (1) and 26 (6) of Regulation (EU) 2024/1689: logs are kept for at least six months. */
const SIX_MONTHS_DAYS = 184
/** Ten years with their leap days. */
const TEN_YEARS_DAYS = 3653
const YEAR_DAYS = 365

/** What of a person's rows an entry of the log of access speaks of. */
const ACTOR = `case when t.actor like 'person:%' then substr(t.actor, 8) end`

/** When a request about rights was over; a restriction that holds is not. */
const ANSWERED = `case when r.kind = 'restriction' and r.state = 'done' then r.lifted_at else r.ended_at end`

/** When a file was made or given up, and can be had no more. */
const FILE_ENDED = 'case when t.ended_at is not null then greatest(t.ended_at, t.expires_at) end'

/** Kinds of data whose rows go by their age. */
const AGEING: readonly RetentionClass[] = [
  {
    name: 'request-metadata',
    what: {
      en: 'single requests: time, model, provider, country, counts of tokens, price',
      de: 'einzelne Anfragen: Zeit, Modell, Anbieter, Land, Tokenzahlen, Preis',
    },
    why: {
      en: 'to look into the last quarter; dropped by whole months, so up to 31 days later. Sums and signed receipts stay, see accounting',
      de: 'um das letzte Quartal nachzusehen; entfernt in ganzen Monaten, also bis zu 31 Tage später. Summen und signierte Belege bleiben, siehe Buchhaltung',
    },
    days: 90,
    least: { days: 1, why: 'reports need a day' },
    tables: [
      { table: 'usage', removal: 'month' },
      { table: 'session_note', removal: 'age', at: 't.at', organization: 't.organization' },
    ],
  },
  {
    name: 'sign-ins',
    what: {
      en: 'sessions that ended, links in mails, attempts to sign in',
      de: 'beendete Sitzungen, Links in Mails, Anmeldeversuche',
    },
    why: {
      en: 'a person may look for a month at what ended',
      de: 'eine Person kann einen Monat lang nachsehen, was endete',
    },
    days: 30,
    least: { days: 1, why: 'limits of sign-ins count over a day' },
    tables: [
      {
        table: 'person_session',
        removal: 'age',
        at: 'least(t.revoked_at, t.expires_at)',
        person: 't.person',
      },
      { table: 'sso_session', removal: 'with', parent: 'person_session' },
      { table: 'person_token', removal: 'age', at: 't.expires_at', person: 't.person' },
      { table: 'person_challenge', removal: 'age', at: 't.expires_at', person: 't.person' },
      { table: 'provider_link_code', removal: 'age', at: 't.expires_at', person: 't.person' },
      { table: 'sign_in_attempt', removal: 'age', at: 'greatest(t.last_at, t.not_before)' },
      { table: 'sso_sign_in', removal: 'age', at: 't.expires_at', organization: 't.organization' },
    ],
  },
  {
    name: 'invitations',
    what: {
      en: 'invitations that were accepted, revoked or ran out',
      de: 'angenommene, widerrufene oder abgelaufene Einladungen',
    },
    why: { en: 'to see who was invited', de: 'um zu sehen, wer eingeladen war' },
    days: 90,
    least: { days: 1, why: 'a day' },
    tables: [
      {
        table: 'invitation',
        removal: 'age',
        at: 'coalesce(t.accepted_at, t.revoked_at, t.expires_at)',
        organization: 't.organization',
      },
    ],
  },
  {
    name: 'access-log',
    what: {
      en: 'who did what: members, keys, operators, with the address that it came from',
      de: 'wer was tat: Mitglieder, Schlüssel, Betreiber, mit der Adresse, von der es kam',
    },
    why: {
      en: 'accountability; at least six months (Art. 26 (6) of the AI Act)',
      de: 'Nachweispflicht; mindestens sechs Monate (Art. 26 Abs. 6 KI-Verordnung)',
    },
    days: 400,
    least: { days: SIX_MONTHS_DAYS, why: 'six months, Art. 26 (6) of Regulation (EU) 2024/1689' },
    tables: [
      {
        table: 'access_log',
        removal: 'age',
        at: 't.at',
        organization: 't.organization',
        person: ACTOR,
      },
      { table: 'operator_action', removal: 'age', at: 't.at' },
      { table: 'retention_run', removal: 'age', at: 't.ended_at' },
    ],
  },
  {
    name: 'deliveries',
    what: {
      en: 'mails and webhooks that were delivered or given up',
      de: 'zugestellte oder aufgegebene Mails und Webhooks',
    },
    why: { en: 'to answer “was it sent?”', de: 'um „wurde es gesendet?“ zu beantworten' },
    days: 90,
    least: { days: 30, why: 'the same is not told again for as long' },
    tables: [
      {
        table: 'notification_delivery',
        removal: 'age',
        at: 't.ended_at',
        where: () => sql`t.state <> 'waiting'`,
        organization: '(select c.organization from notification_channel c where c.id = t.channel)',
      },
      {
        table: 'notification_delivery_event',
        removal: 'with',
        parent: 'notification_delivery',
      },
      { table: 'notification_topic', removal: 'age', at: 't.told_at' },
    ],
  },
  {
    name: 'events',
    what: {
      en: 'what was told or warned of: events, alerts, anomalies, budgets that were reached',
      de: 'was gemeldet wurde: Ereignisse, Warnungen, Auffälligkeiten, erreichte Budgets',
    },
    why: {
      en: 'the same cause is told once, and no cause comes again after a year and a month',
      de: 'dieselbe Ursache wird einmal gemeldet, und keine kommt nach einem Jahr und einem Monat wieder',
    },
    days: 400,
    least: { days: 400, why: 'sooner, and the same cause would be told twice' },
    tables: [
      {
        table: 'notification_event',
        removal: 'age',
        at: 't.at',
        where: () =>
          sql`t.dispatched_at is not null and not exists (select from notification_delivery_event l where l.event = t.id)`,
        organization: 't.organization',
      },
      { table: 'billing_notice', removal: 'age', at: 't.at', organization: 't.organization' },
      {
        table: 'alert',
        removal: 'age',
        at: 't.resolved_at',
        organization: 't.organization',
        provider: 't.provider',
      },
      { table: 'spend_anomaly', removal: 'age', at: 't.found_at', organization: 't.organization' },
      { table: 'budget_crossing', removal: 'age', at: 't.window_to' },
      { table: 'budget_report', removal: 'age', at: 't.at' },
    ],
  },
  {
    name: 'exports',
    what: {
      en: 'files that were made on a schedule or on request, and what became of them',
      de: 'nach Plan oder auf Anfrage erzeugte Dateien und was aus ihnen wurde',
    },
    why: { en: 'to make one again', de: 'um eine noch einmal zu erzeugen' },
    days: 90,
    least: { days: 7, why: 'a file that failed is tried again for days' },
    most: { days: 400, why: 'the schedule forgets its runs then' },
    tables: [
      { table: 'export_run', removal: 'age', at: FILE_ENDED, organization: 't.organization' },
      { table: 'audit_package', removal: 'age', at: FILE_ENDED, organization: 't.organization' },
      { table: 'data_export', removal: 'age', at: 't.expires_at' },
      { table: 'data_export_part', removal: 'with', parent: 'data_export' },
    ],
  },
  {
    name: 'outcomes',
    what: {
      en: 'what came of a session, as the organization said',
      de: 'was aus einer Sitzung wurde, wie die Organisation es sagte',
    },
    why: { en: 'to compare two years', de: 'um zwei Jahre zu vergleichen' },
    days: 2 * YEAR_DAYS,
    least: { days: 30, why: 'reports compare months' },
    tables: [{ table: 'outcome', removal: 'age', at: 't.at', organization: 't.organization' }],
  },
  {
    name: 'location-evidence',
    what: {
      en: 'evidence of where providers are, and attestations that ran out',
      de: 'Belege, wo Anbieter sind, und abgelaufene Bescheinigungen',
    },
    why: {
      en: 'to show afterwards why a provider was taken for one of the region',
      de: 'um später zu zeigen, warum ein Anbieter der Region zugerechnet wurde',
    },
    days: 3 * YEAR_DAYS,
    least: { days: SIX_MONTHS_DAYS, why: 'it explains entries of the audit log' },
    tables: [
      {
        table: 'attestation',
        removal: 'age',
        at: 't.not_after',
        provider: 't.provider',
      },
      { table: 'location_evidence', removal: 'age', at: 't.expires_at', provider: 't.provider' },
      { table: 'location_challenge', removal: 'age', at: 't.expires_at', provider: 't.provider' },
      { table: 'attestation_block', removal: 'age', at: 't.lifted_at', provider: 't.provider' },
    ],
  },
  {
    name: 'payment-events',
    what: {
      en: 'messages of Stripe as they came',
      de: 'Nachrichten von Stripe, wie sie kamen',
    },
    why: {
      en: 'to see what Stripe said; what it meant is in the books',
      de: 'um zu sehen, was Stripe sagte; was es bedeutete, steht in den Büchern',
    },
    days: 400,
    least: { days: 35, why: 'Stripe sends an event again for 30 days, and it must be known' },
    tables: [{ table: 'stripe_event', removal: 'age', at: 't.received_at' }],
  },
  {
    name: 'documents',
    what: {
      en: 'invoices, credit notes and statements, with names and addresses',
      de: 'Rechnungen, Gutschriften und Abrechnungen, mit Namen und Anschriften',
    },
    why: {
      en: 'tax law; ten years from the end of the year in which a document was issued (one-stop shop, Art. 369k of Directive 2006/112/EC)',
      de: 'Steuerrecht; zehn Jahre ab dem Ende des Jahres der Ausstellung (einzige Anlaufstelle, Art. 369k der Richtlinie 2006/112/EG)',
    },
    days: TEN_YEARS_DAYS,
    fromYearEnd: true,
    least: { days: TEN_YEARS_DAYS, why: 'ten years of tax law' },
    tables: [
      {
        table: 'document',
        removal: 'age',
        at: 't.issued_at',
        // What corrects an invoice goes before it.
        where: () => sql`not exists (select from document c where c.corrects = t.number)`,
        organization: 't.organization',
        provider: 't.provider',
      },
      // Destroyed when the last document of its year is gone.
      { table: 'document_key', removal: 'with', parent: 'document' },
    ],
  },
  {
    name: 'compliance',
    what: {
      en: 'requests about rights that were answered, breaches that were closed, legal holds that were released',
      de: 'beantwortete Anfragen zu Rechten, abgeschlossene Datenpannen, aufgehobene Sperren',
    },
    why: {
      en: 'accountability towards the authority (Art. 5 (2), 33 (5) GDPR)',
      de: 'Rechenschaftspflicht gegenüber der Behörde (Art. 5 Abs. 2, 33 Abs. 5 DSGVO)',
    },
    days: 5 * YEAR_DAYS,
    least: { days: 3 * YEAR_DAYS, why: 'claims can be made for three years' },
    tables: [
      {
        table: 'breach_step',
        removal: 'age',
        at: 't.at',
        // All of a breach, or nothing: it is closed, and nothing was done since.
        where: (
          before,
        ) => sql`not exists (select from breach_step n where n.breach = t.breach and n.at >= ${before})
          and (select n.step ->> 'kind' from breach_step n where n.breach = t.breach and n.step ->> 'kind' <> 'noted'
            order by n.number desc limit 1) = 'closed'`,
      },
      { table: 'legal_hold', removal: 'age', at: 't.released_at' },
      {
        table: 'rights_step',
        removal: 'age',
        at: `(select ${ANSWERED} from rights_request r where r.id = t.request)`,
      },
      { table: 'deletion_confirmation', removal: 'with', parent: 'deletion_request' },
      { table: 'deletion_request', removal: 'age', at: 't.ended_at' },
      {
        table: 'rights_request',
        removal: 'age',
        at: ANSWERED.replaceAll('r.', 't.'),
        where: () => sql`not exists (select from rights_step s where s.request = t.id)
          and not exists (select from deletion_request d where d.rights_request = t.id)`,
      },
    ],
  },
]

/** Kinds of data that no age removes. */
const STAYING: readonly RetentionClass[] = [
  {
    name: 'accounts',
    what: {
      en: 'people, organizations, providers, what they set and imported',
      de: 'Personen, Organisationen, Anbieter, ihre Einstellungen und Importe',
    },
    why: {
      en: 'as long as the account; erasure removes or seals it for good',
      de: 'so lange wie das Konto; die Löschung entfernt oder versiegelt es endgültig',
    },
    days: null,
    tables: account(`
      organization api_key api_key_rate consumer provider provider_link person person_passkey person_totp
      person_recovery_code member trial_grant sso_connection sso_domain sso_identity scim_token scim_user scim_group
      scim_group_member billing_customer automatic_top_up notification_channel
      notification_subscription lawful_basis spending_rules team budget policy_version allocation_plan export_schedule
      rate_card_feed rate_card_version external_usage provider_bill provider_bill_line
      provider_bill_decision provider_tax_profile trader_declaration trader_review trader_suspension
      usage_spender`),
  },
  {
    name: 'accounting',
    what: {
      en: 'the ledger, signed receipts and statements, payments, payouts, refunds, disputes',
      de: 'das Hauptbuch, signierte Belege und Abrechnungen, Zahlungen, Auszahlungen, Erstattungen, Streitfälle',
    },
    why: {
      en: 'ten years at least by tax law; not removed after that, because every balance is derived from every row. Ids and amounts, no names: after an erasure the ids stand for nobody',
      de: 'mindestens zehn Jahre nach Steuerrecht; danach nicht entfernt, weil jeder Saldo aus jeder Zeile folgt. Kennungen und Beträge, keine Namen: Nach einer Löschung stehen die Kennungen für niemanden',
    },
    days: null,
    tables: kept(`
      ledger_account ledger_balance ledger_transfer spend_authorization settled_session settled_receipt
      receipt_conflict settled_statement statement_conflict frozen_lane top_up refund dispute dispute_movement
      debt_recovery plan_subscription subscription_invoice payout_run payout payout_hold payout_reversal
      bank_payout provider_earnings held_earnings provider_debt_recovery adjustment stripe_movement
      reconciliation reconciliation_difference document_series closed_month service_judgement service_credit`),
  },
  {
    name: 'transparency-log',
    what: {
      en: 'the append-only log, the keys that unseal personal data in it, and digests that say who was erased',
      de: 'das nur wachsende Protokoll, die Schlüssel zu den versiegelten Personendaten darin und Prüfwerte, die sagen, wer gelöscht wurde',
    },
    why: {
      en: 'its proofs need every entry; personal details are sealed, and destroying a subject’s key erases them',
      de: 'seine Beweise brauchen jeden Eintrag; Personendaten sind versiegelt, und mit dem Schlüssel der Person sind sie gelöscht',
    },
    days: null,
    tables: kept('log_event log_tile log_checkpoint log_key log_witness subject_key erasure'),
  },
  {
    name: 'sums',
    what: {
      en: 'sums of usage and service by hour and day',
      de: 'Summen von Verbrauch und Dienstgüte nach Stunde und Tag',
    },
    why: {
      en: 'counts of an organization, by key and member id, not single requests',
      de: 'Zahlen einer Organisation, nach Schlüssel und Mitgliedskennung, keine einzelnen Anfragen',
    },
    days: null,
    tables: kept(`
      usage_hourly usage_daily usage_mark usage_spender_hourly usage_spender_daily usage_gateway external_usage_hourly
      external_usage_daily spend_forecast service_hour service_cut service_timing service_mark
      latency_hour`),
  },
  {
    name: 'operation',
    what: {
      en: 'what the service needs to run: operators, catalogues, cursors, promises of service',
      de: 'was der Dienst zum Laufen braucht: Betreiber, Kataloge, Lesezeichen, Dienstzusagen',
    },
    why: {
      en: 'as long as the service; of persons only the names of operators, and who they are',
      de: 'so lange wie der Dienst; an Personen nur die Namen der Betreiber und wer sie sind',
    },
    days: null,
    tables: kept(`
      document_sealing operator operator_person stripe_catalogue stripe_cursor stripe_identity maintenance_window service_level`),
  },
]

/** Every table of the service is in one of these, which a test asks of the database. */
export const RETENTION_CLASSES: readonly RetentionClass[] = [...AGEING, ...STAYING]

export const AGEING_CLASSES: readonly RetentionClass[] = AGEING
