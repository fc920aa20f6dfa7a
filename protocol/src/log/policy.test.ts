import fc from 'fast-check'
import { expect, test } from 'vitest'
import { codeOf, RUNS, signerFrom } from '../testing/fixtures.ts'
import { cosignerOf } from './cosignature.ts'
import { noteSignerOf } from './note.ts'
import { isQuorumMet, parsePolicy } from './policy.ts'
import { formatVerifierKey } from './verifier-key.ts'

const log = noteSignerOf('log.example/policy', signerFrom(61)).vkey
const keys = Array.from(
  { length: 6 },
  (_, i) => cosignerOf(`witness.example/${i}`, signerFrom(70 + i)).vkey,
)

/** The example of C2SP tlog-policy: two of three, and one of three others. */
const EXAMPLE = `# two organizations
log ${log}
\t
witness X1 ${keys[0]}
witness X2 ${keys[1]}
witness X3 ${keys[2]} https://x3.example/
group X-witnesses 2 X1 X2 X3
  witness\tY1  ${keys[3]}
witness Y2 ${keys[4]}
witness Y3 ${keys[5]}
group Y-witnesses any Y1 Y2 Y3
group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
`

test('the quorum of the published example is met as it says', () => {
  const policy = parsePolicy(EXAMPLE)
  expect(policy.witnesses[2]).toMatchObject({ name: 'X3', url: 'https://x3.example/' })
  const met = (...signed: number[]) =>
    isQuorumMet(
      policy,
      signed.map((i) => policy.witnesses[i]?.key ?? { name: '', keyId: '' }),
    )
  expect(met(0, 1, 3)).toBe(true)
  expect(met(1, 2, 4, 5)).toBe(true)
  for (const few of [[], [0], [0, 1], [0, 3], [0, 0, 3], [3, 4, 5]]) expect(met(...few)).toBe(false)
})

test('a witness is told by name and key id, not by one of them', () => {
  const policy = parsePolicy(`witness W ${keys[0]}\nquorum W`)
  const [key] = policy.witnesses.map((witness) => witness.key)
  expect(isQuorumMet(policy, key === undefined ? [] : [key])).toBe(true)
  expect(isQuorumMet(policy, [{ name: key?.name ?? '', keyId: '00000000' }])).toBe(false)
  expect(isQuorumMet(policy, [{ name: 'W', keyId: key?.keyId ?? '' }])).toBe(false)
})

test('a post-quantum witness may be listed, and does not count', () => {
  const vkey = formatVerifierKey('witness.example/pq', 'ml-dsa-44', new Uint8Array(1312).fill(5))
  const policy = parsePolicy(`witness P ${vkey}\nwitness A ${keys[0]}\ngroup G any P A\nquorum G`)
  expect(isQuorumMet(policy, [])).toBe(false)
})

const W = `witness A ${keys[0]}\nwitness B ${keys[1]}\n`
test.each([
  ['', 'no quorum'],
  [W, 'no quorum'],
  [`${W}quorum A\nquorum A`, 'two quorums'],
  [`${W}quorum C`, 'a quorum of nothing'],
  [`quorum A\n${W}`, 'a quorum before its witness'],
  [`${W}quorum A B`, 'a quorum of two names'],
  [`${W}group G 1 A C\nquorum G`, 'an unknown member'],
  [`${W}group G 1 G\nquorum G`, 'a group of itself'],
  [`${W}group G 0 A B\nquorum G`, 'a threshold of none'],
  [`${W}group G 3 A B\nquorum G`, 'a threshold above the members'],
  [`${W}group G +1 A B\nquorum G`, 'a threshold with a sign'],
  [`${W}group G 01 A B\nquorum G`, 'a threshold with a zero'],
  [`${W}group G some A B\nquorum G`, 'a threshold in words'],
  [`${W}group G any\nquorum G`, 'no members'],
  [`${W}group G any none\nquorum G`, 'none as a member'],
  [`${W}group G any A A\nquorum G`, 'a member twice'],
  [`${W}group G any A\ngroup H any A\nquorum G`, 'a member of two groups'],
  [`${W}group A any B\nquorum A`, 'a name twice'],
  [`witness none ${keys[0]}\nquorum none`, 'a reserved name'],
  [`witness A ${keys[0]}\nwitness B ${keys[0]}\nquorum none`, 'a witness twice'],
  [`log ${log}\nlog ${log}\nquorum none`, 'a log twice'],
  [`log ${keys[0]}\nquorum none`, 'the key of a witness for a log'],
  [`witness A ${log}\nquorum A`, 'the key of a log for a witness'],
  ['log not-a-key\nquorum none', 'no key'],
  [`log ${log} https://a.example b\nquorum none`, 'too many words'],
  ['Quorum none', 'a keyword in capitals'],
  ['quorum none\r\n', 'a carriage return'],
  ['# \u007f\nquorum none', 'a delete character'],
  ['quorum\u00a0none', 'a space that is none'],
])('policy %# is refused', (text, _why) => {
  expect(codeOf(() => parsePolicy(text))).toBe('HANSE_LOG_POLICY')
})

test('any text is a policy or refused', () => {
  const words = fc.constantFrom('log', 'witness', 'group', 'quorum', 'A', 'B', 'any', '1', ...keys)
  const line = fc.array(words, { maxLength: 5 }).map((list) => list.join(' '))
  fc.assert(
    fc.property(fc.array(line, { maxLength: 6 }), fc.string(), (lines, noise) => {
      for (const text of [lines.join('\n'), noise]) {
        expect(codeOf(() => parsePolicy(text))).toMatch(/^accepted$|^HANSE_LOG_POLICY$/u)
      }
    }),
    { numRuns: RUNS.cheap },
  )
})
