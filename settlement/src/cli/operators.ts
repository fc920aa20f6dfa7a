import type { Command } from 'commander'
import { z } from 'zod'
import { PLATFORM_ROLES } from '../access/roles.ts'
import { SettlementError } from '../errors.ts'
import { linkOperator, unlinkOperator } from '../operators/link-operator.ts'
import { makeOperator } from '../operators/make-operator.ts'
import { ROOT } from '../operators/operator.ts'
import { emailAddress } from '../people/person.ts'
import type { Errand } from './operator-call.ts'

type Flags = Record<string, unknown>
/** Makes a command of the program, which takes every setting. */
type Make = (parent: Command, name: string, description: string) => Command
/** Does an errand, or says on standard error why not. */
type Do = (errand: (flags: Flags) => Errand) => (flags: Flags) => Promise<void>

const PATH = '/v1/admin/operators'

/** `operator`: who may act for the platform, and who signs in as whom. As root, whose token is in the data directory. */
export function operatorCommands(program: Command, make: Make, run: Do): void {
  const operator = program.command('operator').description('look after the people who run this')
  make(operator, 'add <name>', 'make an operator; its token is shown this once')
    .option('--role <role>', PLATFORM_ROLES.join(', '), PLATFORM_ROLES[0])
    .action((name: string, flags: Flags) => run((all) => adding(name, all.role))(flags))
  make(operator, 'list', 'operators, and who signs in as them').action(run(() => LIST))
  make(operator, 'revoke <operator>', 'end an operator for good').action(
    (id: string, flags: Flags) => run(() => revoking(id))(flags),
  )
  make(
    operator,
    'link <operator> <email>',
    'let a person with a second factor sign in as an operator',
  ).action((id: string, email: string, flags: Flags) => run(() => linking(id, email))(flags))
  make(operator, 'unlink <operator>', 'let nobody sign in as an operator any more').action(
    (id: string, flags: Flags) => run(() => unlinking(id))(flags),
  )
}

const LIST: Errand = {
  method: 'GET',
  path: PATH,
  onStore: async (store) => ({ operators: await store.operators() }),
}

function adding(name: string, given: unknown): Errand {
  const role = read(z.enum(PLATFORM_ROLES), given, '--role')
  return {
    method: 'POST',
    path: PATH,
    body: { name, role },
    onStore: (store) => makeOperator(store, { name, role, by: ROOT.id }, Date.now()),
  }
}

const revoking = (operator: string): Errand => ({
  method: 'DELETE',
  path: `${PATH}/${encodeURIComponent(operator)}`,
  onStore: async (store) => {
    if (await store.revokeOperator(operator, ROOT.id, Date.now())) return { operator }
    throw new SettlementError('HANSE_NOT_FOUND', `no operator ${operator}`)
  },
})

function linking(operator: string, given: string): Errand {
  const email = read(emailAddress, given, 'the address')
  return {
    method: 'PUT',
    path: `${PATH}/${encodeURIComponent(operator)}/person`,
    body: { email },
    onStore: (store) => linkOperator(store, { operator, email, by: ROOT.id }, Date.now()),
  }
}

const unlinking = (operator: string): Errand => ({
  method: 'DELETE',
  path: `${PATH}/${encodeURIComponent(operator)}/person`,
  onStore: (store) => unlinkOperator(store, { operator, by: ROOT.id }, Date.now()),
})

function read<Value>(schema: z.ZodType<Value>, given: unknown, what: string): Value {
  const found = schema.safeParse(given)
  if (found.success) return found.data
  throw new SettlementError('HANSE_CONFIG_INVALID', `${what}: ${z.prettifyError(found.error)}`)
}
