import { isInRegion } from '@hanse/protocol'
import type { SettlementContext } from '../context.ts'
import type { Party } from '../documents/document.ts'
import { operatorOf } from '../documents/sides.ts'
import { RETENTION_CLASSES } from '../retention/classes.ts'
import { daysOf } from '../retention/periods.ts'
import type { RetentionClass } from '../retention/rule.ts'
import { periodsOf } from '../retention/run-retention.ts'
import {
  columnsOf,
  type DataClass,
  type LawfulBasis,
  PURPOSES,
  type Purpose,
  REGISTER,
  SUBJECT_KINDS,
  type SubjectKind,
} from '../rights/register/index.ts'
import { DEFAULT_COMPLIANCE } from './compliance-terms.ts'
import { type Measure, measuresOf } from './measures.ts'
import { type KnownRecipient, recipientsOf } from './recipients.ts'

/** What processing for one purpose is (Art. 30 (1) (b) and (c) GDPR), as the register of personal data has it. */
export interface Processing {
  readonly purpose: Purpose
  readonly bases: readonly LawfulBasis[]
  /** Whom the data are about. */
  readonly subjects: readonly SubjectKind[]
  readonly data: readonly DataClass[]
  /** Names of classes in the plan of retention. */
  readonly retention: readonly string[]
  readonly tables: readonly string[]
}

export interface RetainedClass {
  readonly name: string
  readonly what: RetentionClass['what']
  readonly why: RetentionClass['why']
  readonly days: number | null
}

/** Records of processing activities, as this installation is set up and used at a moment. */
export interface ProcessingRecords {
  /** Milliseconds since 1970. */
  readonly madeAt: number
  /** The controller is a placeholder: nobody has said who runs the service. */
  readonly test: boolean
  readonly controller: Party
  readonly contact: {
    readonly telephone: string | null
    readonly officer: string | null
    readonly officerEmail: string | null
    readonly representative: string | null
    readonly authority: string | null
  }
  readonly processings: readonly Processing[]
  readonly recipients: readonly KnownRecipient[]
  /** Those of the recipients that are outside the EEA. */
  readonly transfers: readonly KnownRecipient[]
  readonly retention: readonly RetainedClass[]
  readonly measures: readonly Measure[]
}

/** Of live data: the settings, the register of personal data, the plan of retention, and the providers that were used. */
export async function processingRecords(context: SettlementContext): Promise<ProcessingRecords> {
  const { party, test } = operatorOf(context)
  const { dataProtection } = context.compliance ?? DEFAULT_COMPLIANCE
  const recipients = await recipientsOf(context)
  return {
    madeAt: context.now(),
    test,
    controller: party,
    contact: {
      telephone: dataProtection?.telephone ?? null,
      officer: dataProtection?.officer ?? null,
      officerEmail: dataProtection?.officerEmail ?? null,
      representative: dataProtection?.representative ?? null,
      authority: dataProtection?.authority ?? null,
    },
    processings: (Object.keys(PURPOSES) as Purpose[]).map(processingOf),
    recipients,
    transfers: recipients.filter(({ country }) => country !== null && !isInRegion(country, 'EEA')),
    retention: retained(context),
    measures: measuresOf(context),
  }
}

function processingOf(purpose: Purpose): Processing {
  const tables = Object.keys(REGISTER).filter((table) => REGISTER[table]?.purpose === purpose)
  const records = tables.flatMap((table) => REGISTER[table] ?? [])
  const isAbout = (kind: SubjectKind) => records.some(({ whose }) => whose?.[kind] !== undefined)
  const data = tables.flatMap(columnsOf).map((column) => column.class)
  const classes = RETENTION_CLASSES.filter((one) =>
    one.tables.some(({ table }) => tables.includes(table)),
  )
  return {
    purpose,
    bases: [...new Set(records.map(({ basis }) => basis))]
      .filter((basis) => basis !== 'none')
      .sort(),
    subjects: SUBJECT_KINDS.filter(isAbout),
    data: [...new Set(data)].filter((one) => one !== 'technical').sort(),
    retention: classes.map(({ name }) => name),
    tables: tables.sort(),
  }
}

const retained = (context: SettlementContext): RetainedClass[] =>
  RETENTION_CLASSES.map((one) => ({
    name: one.name,
    what: one.what,
    why: one.why,
    days: daysOf(one, periodsOf(context)),
  }))
