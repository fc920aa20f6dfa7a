import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { permissions, roleAllows, roles } from './roles.ts'

test('what pages offer to a role is what the service allows it', () => {
  const path = join(import.meta.dirname, '../../../../docs/roles.md')
  const table = readFileSync(path, 'utf8')
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()))
  for (const permission of permissions) {
    const row = table.find(([, name]) => name === `\`${permission}\``)
    const found = roles.map((_, at) => row?.[at + 2] === 'yes')
    expect(found, permission).toEqual(roles.map((role) => roleAllows(role, permission)))
  }
})
