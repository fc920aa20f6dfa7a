import { readFile } from 'node:fs/promises'
import { ERRORS } from '@hanse/protocol'
import { expect, test } from 'vitest'
import { allErrors, errorsPage, parseHelp } from './docs.ts'

test('docs/errors.md has the codes of the tables, no more and no fewer', async () => {
  const page = await readFile(new URL('../docs/errors.md', import.meta.url), 'utf8')
  const documented = [...page.matchAll(/^\| `(HANSE_[A-Z_]+)` \|/gmu)].map(([, code]) => code)
  expect(documented).toEqual(Object.keys(allErrors()))
  expect(documented).toEqual(expect.arrayContaining(Object.keys(ERRORS)))
})

test('a row tells status, type, whether a retry helps, and what to do', () => {
  const page = errorsPage({
    HANSE_CAPACITY: { http: 429, type: 'rate_limit_error', retry: true, advice: 'Wait | retry.' },
  })
  expect(page).toContain(
    '| `HANSE_CAPACITY` | 429 | `rate_limit_error` | yes | Wait \\| retry. |\n',
  )
})

test('help is read with its defaults, its continued lines and its secrets', () => {
  const help = [
    'Usage: hanse sample [options]',
    '',
    'Does something.',
    '',
    'Options:',
    '  --listen-on <multiaddr,…>  where to listen,',
    '                             or not (default: /ip4/127.0.0.1/tcp/0)',
    '  --country <code>           country that this machine is in (required)',
    '  --json                     print JSON',
    '  -h, --help                 display help for command',
    '',
    'Environment only:',
    '  HANSE_API_KEY  key of the gateway',
  ].join('\n')
  expect(parseHelp(help)).toEqual({
    purpose: 'Does something.',
    options: [
      {
        name: 'listen-on',
        placeholder: '<multiaddr,…>',
        meaning: 'where to listen, or not',
        fallback: '/ip4/127.0.0.1/tcp/0',
        kind: 'setting',
      },
      {
        name: 'country',
        placeholder: '<code>',
        meaning: 'country that this machine is in (required)',
        fallback: '',
        kind: 'setting',
      },
      { name: 'json', placeholder: '', meaning: 'print JSON', fallback: '', kind: 'flag' },
      {
        name: 'HANSE_API_KEY',
        placeholder: '',
        meaning: 'key of the gateway',
        fallback: '',
        kind: 'secret',
      },
    ],
  })
})
