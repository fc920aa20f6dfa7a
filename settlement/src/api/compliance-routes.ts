import { z } from 'zod'
import { annexReport } from '../compliance/annex-report.ts'
import { MEASURE_NAMES } from '../compliance/measures.ts'
import { noticeReport } from '../compliance/notice-report.ts'
import { RECIPIENT_KINDS } from '../compliance/recipients.ts'
import { processingRecords } from '../compliance/records.ts'
import { recordsReport } from '../compliance/records-report.ts'
import { type Report, reportMarkdown, reportPdf } from '../compliance/report.ts'
import type { SettlementContext } from '../context.ts'
import { LANGUAGES } from '../documents/render/words.ts'
import type { App } from './app.ts'

const security = [{ key: [] }]
/** A PDF takes some milliseconds of the thread that answers everybody. */
const rate = { rateLimit: { max: 60, timeWindow: 60_000 } }

const REPORTS = { records: recordsReport, annex: annexReport, notice: noticeReport } as const
const FORMATS = { md: 'text/markdown; charset=utf-8', pdf: 'application/pdf' } as const
const formats = Object.keys(FORMATS) as [keyof typeof FORMATS]

const recipient = z.object({
  kind: z.enum(RECIPIENT_KINDS),
  name: z.string(),
  country: z.string().nullable(),
  purpose: z.string().nullable(),
  safeguard: z.string().nullable(),
  providers: z.number().nullable(),
  sessions: z.number().nullable(),
})
const spoken = z.object({ en: z.string(), de: z.string() })
const words = z.array(z.string()).readonly()
const said = z.string().nullable()

const recordsSchema = z.object({
  madeAt: z.number(),
  test: z.boolean(),
  controller: z.object({
    id: z.string(),
    name: z.string(),
    street: said,
    postalCode: said,
    city: said,
    country: said,
    email: said,
  }),
  contact: z.object({
    telephone: said,
    officer: said,
    officerEmail: said,
    representative: said,
    authority: said,
  }),
  processings: z
    .array(
      z.object({
        purpose: z.string(),
        bases: words,
        subjects: words,
        data: words,
        retention: words,
        tables: words,
      }),
    )
    .readonly(),
  recipients: z.array(recipient).readonly(),
  transfers: z.array(recipient).readonly(),
  retention: z
    .array(z.object({ name: z.string(), what: spoken, why: spoken, days: z.number().nullable() }))
    .readonly(),
  measures: z
    .array(z.object({ name: z.enum([...MEASURE_NAMES, 'named']), isOn: z.boolean(), detail: said }))
    .readonly(),
})

/** Records of processing, the annex to a processing agreement, and the facts of a notice: made, not typed. */
export function complianceRoutes(app: App, context: SettlementContext): void {
  app.get(
    '/v1/compliance/records',
    {
      config: { ...rate, access: 'operator' },
      schema: {
        security,
        description:
          'Records of processing activities (Art. 30 GDPR), from the settings, the register of personal data, the plan of retention and the providers of the last 90 days. What is off is said to be off.',
        response: { 200: recordsSchema },
      },
    },
    () => processingRecords(context),
  )

  file('/v1/compliance/records/file', 'records', { access: 'operator' })
  file('/v1/compliance/annex/file', 'annex', { permission: 'organization:read' })
  file('/v1/compliance/notice/file', 'notice', { access: 'public' })

  function file(
    path: string,
    name: keyof typeof REPORTS,
    access:
      | { readonly access: 'operator' | 'public' }
      | { readonly permission: 'organization:read' },
  ): void {
    app.get(
      path,
      {
        config: { ...rate, ...access },
        schema: {
          ...('access' in access && access.access === 'public' ? {} : { security }),
          description: `${DESCRIPTIONS[name]} As Markdown or PDF, in English or German.`,
          querystring: z.strictObject({
            lang: z.enum(LANGUAGES).default('en'),
            format: z.enum(formats).default('md'),
          }),
        },
      },
      async ({ query: { lang, format } }, reply) => {
        const report = REPORTS[name](await processingRecords(context), lang)
        return reply
          .type(FORMATS[format])
          .header('content-disposition', `inline; filename="${name}-${lang}.${format}"`)
          .header('cache-control', 'private, no-store')
          .send(await rendered(report, format))
      },
    )
  }
}

const DESCRIPTIONS = {
  records: 'Records of processing activities (Art. 30 GDPR).',
  annex: 'The technical annex to a processing agreement (Art. 28 GDPR).',
  notice:
    'What happens to data here (Art. 13 and 14 GDPR), and that a machine answers (Art. 50 AI Act).',
} as const

const rendered = async (report: Report, format: keyof typeof FORMATS): Promise<Buffer | string> =>
  format === 'pdf' ? reportPdf(report) : reportMarkdown(report)
