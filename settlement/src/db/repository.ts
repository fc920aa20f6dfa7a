import { accessLogStore } from '../access/access-log-store.ts'
import { disableStore } from '../access/disable-store.ts'
import { expiringKeyStore } from '../access/expiring-keys.ts'
import { invitationStore } from '../access/invitation-store.ts'
import { memberStore } from '../access/member-store.ts'
import { scimGroupStore } from '../access/scim-group-store.ts'
import { scimStore } from '../access/scim-store.ts'
import { ssoStore } from '../access/sso-store.ts'
import { adjustmentStore } from '../adjustments/adjustment-store.ts'
import { alertStore } from '../alerts/alert-store.ts'
import { allocationStore } from '../allocation/allocation-store.ts'
import { attestationStore } from '../attestations/attestation-store.ts'
import { packageRecordStore } from '../audit-trail/package-records.ts'
import { packageStore } from '../audit-trail/package-store.ts'
import { trailStore } from '../audit-trail/trail-store.ts'
import { authorizationStore } from '../authorizations/authorization-store.ts'
import { backupStore } from '../backup/backup-store.ts'
import { customerStore } from '../billing/customer-store.ts'
import { noticeStore } from '../billing/notice-store.ts'
import { affectedStore } from '../breaches/affected.ts'
import { affectedSubjectStore } from '../breaches/affected-subjects.ts'
import { breachStore } from '../breaches/breach-store.ts'
import { budgetStore } from '../budgets/budget-store.ts'
import { rulesStore } from '../budgets/rules-store.ts'
import { complianceStore } from '../compliance/compliance-store.ts'
import { cardStore } from '../costs/card-store.ts'
import { costUsageStore } from '../costs/cost-usage-store.ts'
import { feedStore } from '../costs/feed-store.ts'
import { sellerYearStore } from '../dac7/seller-year-store.ts'
import { deletionStore } from '../deletion/deletion-store.ts'
import { organizationDirectory } from '../directory/organization-directory.ts'
import { providerDirectory } from '../directory/provider-directory.ts'
import { disputeStore } from '../disputes/dispute-store.ts'
import { documentStore } from '../documents/document-store.ts'
import { monthStore } from '../documents/month-store.ts'
import { profileStore } from '../documents/profile-store.ts'
import { sealStore } from '../documents/seal-store.ts'
import { earningsStore } from '../earnings/earnings-store.ts'
import { explorerStore } from '../explorer/explorer-store.ts'
import { exportStore } from '../exports/export-store.ts'
import { runStore } from '../exports/run-store.ts'
import { scheduleStore } from '../exports/schedule-store.ts'
import { anomalyStore } from '../forecast/anomaly-store.ts'
import { forecastStore } from '../forecast/forecast-store.ts'
import { spendStore } from '../forecast/spend-store.ts'
import { importStore } from '../imports/import-store.ts'
import { balanceSheetStore } from '../ledger/balance-sheet-store.ts'
import { ledgerStore } from '../ledger/ledger-store.ts'
import { logStore } from '../log/log-store.ts'
import { channelStore } from '../notifications/channel-store.ts'
import { deliveryStore } from '../notifications/delivery-store.ts'
import { dispatchStore } from '../notifications/dispatch-store.ts'
import { eventStore } from '../notifications/event-store.ts'
import { subscriptionStore as notificationSubscriptionStore } from '../notifications/subscription-store.ts'
import { metricsStore } from '../operations/metrics-store.ts'
import { operatorStore } from '../operators/operator-store.ts'
import { outcomeStore } from '../outcomes/outcome-store.ts'
import { bankPayoutStore } from '../payouts/bank-payouts.ts'
import { payoutHoldStore } from '../payouts/hold-store.ts'
import { payoutStore } from '../payouts/payout-store.ts'
import { payoutReversalStore } from '../payouts/reversal-store.ts'
import { payoutRunStore } from '../payouts/run-store.ts'
import { addressStore } from '../people/address-store.ts'
import { attemptStore } from '../people/attempt-store.ts'
import { eraseStore } from '../people/erase-store.ts'
import { factorStore } from '../people/factor-store.ts'
import { passkeyStore } from '../people/passkey-store.ts'
import { personStore } from '../people/person-store.ts'
import { sessionStore } from '../people/session-store.ts'
import { trialStore } from '../people/trial-store.ts'
import { invoiceStore } from '../plans/invoice-store.ts'
import { subscriptionStore } from '../plans/subscription-store.ts'
import { policyStore } from '../policies/policy-store.ts'
import { linkStore } from '../provider-links/link-store.ts'
import { providerStore } from '../providers/provider-store.ts'
import { receiptStore } from '../receipts/receipt-store.ts'
import { differenceStore } from '../reconciliation/difference-store.ts'
import { movementStore } from '../reconciliation/movement-store.ts'
import { reconciliationStore } from '../reconciliation/reconciliation-store.ts'
import { refundStore } from '../refunds/refund-store.ts'
import { retentionStore } from '../retention/retention-store.ts'
import { basisStore } from '../rights/basis-store.ts'
import { erasureStore } from '../rights/erasure-store.ts'
import { exportRunStore } from '../rights/export-run-store.ts'
import { exportStore as dataExportStore } from '../rights/export-store.ts'
import { recipientStore } from '../rights/recipient-store.ts'
import { requestStore } from '../rights/request-store.ts'
import { scrubStore } from '../rights/scrub-store.ts'
import { creditStore } from '../service-levels/credit-store.ts'
import { levelStore } from '../service-levels/level-store.ts'
import { maintenanceStore } from '../service-levels/maintenance-store.ts'
import { measurementStore } from '../service-levels/measurement-store.ts'
import { timingStore } from '../service-levels/timing-store.ts'
import { noteStore } from '../session-notes/note-store.ts'
import { cursorStore } from '../stripe-events/cursor-store.ts'
import { stripeEventStore } from '../stripe-events/event-store.ts'
import { identityStore } from '../stripe-identity/identity-store.ts'
import { keyRateStore } from '../tenants/key-rate.ts'
import { keyStore } from '../tenants/key-store.ts'
import { tenantStore } from '../tenants/tenant-store.ts'
import { automaticStore } from '../top-ups/automatic-store.ts'
import { topUpStore } from '../top-ups/top-up-store.ts'
import { traderStore } from '../traders/trader-store.ts'
import { usageStore } from '../usage/usage-store.ts'
import type { Database } from './database.ts'

/**
 * Everything that settlement asks of its database, as functions of plain data. The same code runs on a `pg` pool in
 * this thread and on PGlite in a thread of its own, so arguments and results must survive a structured clone.
 */
export function createRepository(db: Database) {
  return {
    ...ledgerStore(db),
    ...balanceSheetStore(db),
    ...explorerStore(db),
    ...organizationDirectory(db),
    ...providerDirectory(db),
    ...tenantStore(db),
    ...keyStore(db),
    ...keyRateStore(db),
    ...accessLogStore(db),
    ...expiringKeyStore(db),
    ...disableStore(db),
    ...memberStore(db),
    ...invitationStore(db),
    ...scimStore(db),
    ...scimGroupStore(db),
    ...ssoStore(db),
    ...providerStore(db),
    ...linkStore(db),
    ...attestationStore(db),
    ...authorizationStore(db),
    ...budgetStore(db),
    ...rulesStore(db),
    ...policyStore(db),
    ...receiptStore(db),
    ...noteStore(db),
    ...alertStore(db),
    ...topUpStore(db),
    ...automaticStore(db),
    ...customerStore(db),
    ...noticeStore(db),
    ...refundStore(db),
    ...disputeStore(db),
    ...subscriptionStore(db),
    ...invoiceStore(db),
    ...stripeEventStore(db),
    ...cursorStore(db),
    ...identityStore(db),
    ...payoutStore(db),
    ...payoutRunStore(db),
    ...payoutHoldStore(db),
    ...payoutReversalStore(db),
    ...bankPayoutStore(db),
    ...earningsStore(db),
    ...adjustmentStore(db),
    ...operatorStore(db),
    ...movementStore(db),
    ...reconciliationStore(db),
    ...differenceStore(db),
    ...documentStore(db),
    ...metricsStore(db),
    ...monthStore(db),
    ...sealStore(db),
    ...profileStore(db),
    ...logStore(db),
    ...trailStore(db),
    ...packageStore(db),
    ...packageRecordStore(db),
    ...usageStore(db),
    ...spendStore(db),
    ...forecastStore(db),
    ...anomalyStore(db),
    ...importStore(db),
    ...cardStore(db),
    ...feedStore(db),
    ...costUsageStore(db),
    ...outcomeStore(db),
    ...exportStore(db),
    ...scheduleStore(db),
    ...runStore(db),
    ...allocationStore(db),
    ...measurementStore(db),
    ...timingStore(db),
    ...levelStore(db),
    ...maintenanceStore(db),
    ...creditStore(db),
    ...sessionStore(db),
    ...personStore(db),
    ...addressStore(db),
    ...eraseStore(db),
    ...attemptStore(db),
    ...factorStore(db),
    ...passkeyStore(db),
    ...trialStore(db),
    ...eventStore(db),
    ...channelStore(db),
    ...notificationSubscriptionStore(db),
    ...dispatchStore(db),
    ...deliveryStore(db),
    ...backupStore(db),
    ...basisStore(db),
    ...requestStore(db),
    ...recipientStore(db),
    ...erasureStore(db),
    ...deletionStore(db),
    ...scrubStore(db),
    ...dataExportStore(db),
    ...exportRunStore(db),
    ...retentionStore(db),
    ...breachStore(db),
    ...affectedStore(db),
    ...affectedSubjectStore(db),
    ...traderStore(db),
    ...sellerYearStore(db),
    ...complianceStore(db),
    /** Throws when the database does not answer. */
    ping: async (): Promise<void> => {
      await db.execute('select 1')
    },
  }
}

export type Repository = ReturnType<typeof createRepository>
export type RepositoryMethod = keyof Repository

/** Methods that only read: on PGlite they overtake waiting writes, for a person waits for them. */
export const READS: ReadonlySet<RepositoryMethod> = new Set<RepositoryMethod>([
  'balance',
  'providerBalance',
  'revenue',
  'ledgerEntries',
  'balanceSheet',
  'closings',
  'difference',
  'differenceSides',
  'outcomeSums',
  'serviceMeasurements',
  'serviceLevels',
  'serviceLevelOf',
  'maintenanceWindows',
  'serviceCredits',
  'dayUsage',
  'billDocuments',
  'keyByPrefix',
  'organizationOf',
  'debt',
  'keys',
  'key',
  'accessEntries',
  'memberships',
  'members',
  'invitations',
  'invitationByHash',
  'ssoConnection',
  'ssoDomains',
  'ssoOrganizationOf',
  'ssoOrganizationOfSession',
  'scimOrganization',
  'scimUsers',
  'scimUser',
  'topUp',
  'topUps',
  'automaticTopUp',
  'billingCustomer',
  'notices',
  'refund',
  'refunds',
  'disputes',
  'planOf',
  'planInvoices',
  'catalogueId',
  'catalogueName',
  'authorization',
  'authorizations',
  'revocationsSince',
  'providerLocation',
  'attestationsOf',
  'attestedProviders',
  'attestationRevocationsSince',
  'budgets',
  'budget',
  'budgetState',
  'budgetHistory',
  'gatewayRules',
  'rulesRevisions',
  'teams',
  'policies',
  'policy',
  'pastSessions',
  'stripeIdentity',
  'eventCursors',
  'knownEvents',
  'provider',
  'providerByAccount',
  'session',
  'alerts',
  'conflictEvidence',
  'payouts',
  'payout',
  'providerPayouts',
  'payoutRuns',
  'payoutHolds',
  'payoutReversals',
  'bankPayouts',
  'heldEarnings',
  'providerMoney',
  'adjustments',
  'operators',
  'operatorByPrefix',
  'operatorOfPerson',
  'operatorActions',
  'reconciliations',
  'differences',
  'document',
  'documents',
  'restrictedDocument',
  'isDocumentTold',
  'lineReceipts',
  'providerProfile',
  'logHead',
  'logTile',
  'loggedEvent',
  'logKeys',
  'trailEvents',
  'storedTrailEvents',
  'trailEvent',
  'trailCounts',
  'auditPackages',
  'auditPackage',
  'auditPackageFile',
  'usage',
  'usageByDayAnd',
  'usageSum',
  'usageCells',
  'allocationPlans',
  'allocationPlanFor',
  'exportSchedules',
  'exportRuns',
  'exportFile',
  'spend',
  'keptForecast',
  'anomalies',
  'spendCells',
  'meteredCells',
  'knownExternalUsage',
  'providerBills',
  'providerBill',
  'rateCards',
  'rateCardsInForce',
  'platformCardsOn',
  'rateCardVersion',
  'newestRateCard',
  'rateCard',
  'rateCardFeeds',
  'usageByDay',
  'usageTotal',
  'usageBySize',
  'sessionsKeptFrom',
  'events',
  'channels',
  'openChannel',
  'subscriptions',
  'deliveries',
  'agedTable',
  'agedUsage',
  'retentionRuns',
  'legalHolds',
  'tableNames',
  'breach',
  'breaches',
  'affectedOrganizations',
  'affectedPeople',
  'affectedSubjects',
  'affectedSubjectCount',
  'affectedCounts',
  'trader',
  'askedTraders',
  'traderSuspension',
  'sellerYears',
  'providersInUse',
  'personSessionByHash',
  'personSessions',
  'person',
  'personByEmail',
  'personByLink',
  'totp',
  'recoveryCodesLeft',
  'lawfulBases',
  'rightsRequest',
  'rightsRequests',
  'recipientsOf',
  'erasureOf',
  'deletionRequests',
  'deletionByCid',
  'erasuresAnswered',
  'tombstones',
  'exportPage',
  'exportTrail',
  'dataExports',
  'dataExport',
  'exportPart',
  'passkey',
  'passkeys',
  'ping',
])
