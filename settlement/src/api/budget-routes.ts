import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { BudgetRow } from '../budgets/budget.ts'
import { outlookOf } from '../budgets/outlook.ts'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import type { App } from './app.ts'
import { principal } from './auth.ts'
import {
  budgetBody,
  budgetHistory,
  budgetJson,
  settingsJson,
  teamBody,
  teamJson,
} from './budget-schemas.ts'

const security = [{ key: [] }]
const WINDOWS_MAX = 100
const idParams = z.object({ id: z.string().max(64) })
const nameParams = z.object({ name: z.string().min(1).max(64) })

/** Budgets of an organization, the teams that they may be of, and the time zone in which their days begin. */
export function budgetRoutes(app: App, context: SettlementContext): void {
  const { store, now } = context

  app.get(
    '/v1/budgets',
    {
      config: { permission: 'budgets:read' },
      schema: {
        security,
        description: 'All budgets, with what their windows came to so far.',
        response: { 200: z.object({ budgets: z.array(budgetJson) }) },
      },
    },
    async (request) => {
      const { organization } = principal(request)
      const budgets = await store.budgets(organization)
      return { budgets: await Promise.all(budgets.map((budget) => toJson(context, budget))) }
    },
  )

  app.post(
    '/v1/budgets',
    {
      config: { permission: 'budgets:write' },
      schema: { security, body: budgetBody, response: { 200: budgetJson } },
    },
    async (request) => {
      const { organization, actor } = principal(request)
      const id = `bud_${randomUUID()}`
      const given = { id, organization, rule: request.body, actor, at: now() }
      return toJson(context, await store.addBudget(given))
    },
  )

  app.get(
    '/v1/budgets/:id',
    {
      config: { permission: 'budgets:read' },
      schema: { security, params: idParams, response: { 200: budgetJson } },
    },
    async (request) => {
      const { organization } = principal(request)
      const budget = await store.budget(organization, request.params.id)
      if (budget !== undefined) return toJson(context, budget)
      throw missing()
    },
  )

  app.put(
    '/v1/budgets/:id',
    {
      config: { permission: 'budgets:write' },
      schema: {
        security,
        description:
          'Replaces what a budget says. Thresholds of this window are looked at anew, but told of once.',
        params: idParams,
        body: budgetBody,
        response: { 200: budgetJson },
      },
    },
    async (request) => {
      const { organization, actor } = principal(request)
      const { id } = request.params
      const given = { id, organization, rule: request.body, actor, at: now() }
      return toJson(context, await store.changeBudget(given))
    },
  )

  app.delete(
    '/v1/budgets/:id',
    {
      config: { permission: 'budgets:write' },
      schema: { security, params: idParams, response: { 200: z.object({ id: z.string() }) } },
    },
    async (request) => {
      const { organization } = principal(request)
      await store.removeBudget(organization, request.params.id, now())
      return { id: request.params.id }
    },
  )

  app.get(
    '/v1/budgets/:id/history',
    {
      config: { permission: 'budgets:read' },
      schema: {
        security,
        description: 'What its windows came to, newest first, by the terms that it has now.',
        params: idParams,
        querystring: z.strictObject({
          limit: z.coerce.number().int().min(1).max(WINDOWS_MAX).default(12),
        }),
        response: { 200: budgetHistory },
      },
    },
    async (request) => {
      const { organization } = principal(request)
      const { params, query } = request
      const found = await store.budgetHistory(organization, params.id, now(), query.limit)
      if (found === undefined) throw missing()
      return { windows: found.map(({ span, spent, held }) => ({ ...span, spent, held })) }
    },
  )

  app.get(
    '/v1/teams',
    {
      config: { permission: 'budgets:read' },
      schema: { security, response: { 200: z.object({ teams: z.array(teamJson) }) } },
    },
    async (request) => {
      const { organization } = principal(request)
      const teams = await store.teams(organization)
      return { teams: teams.map(({ name, keys }) => ({ name, keys: [...keys] })) }
    },
  )

  app.put(
    '/v1/teams/:name',
    {
      config: { permission: 'budgets:write' },
      schema: {
        security,
        description: 'A team is keys of gateways, by name or id; a key is in one team.',
        params: nameParams,
        body: teamBody,
        response: { 200: teamJson },
      },
    },
    async (request) => {
      const { organization } = principal(request)
      const keys = [...new Set(request.body.keys)]
      await store.putTeam(organization, { name: request.params.name, keys }, now())
      return { name: request.params.name, keys }
    },
  )

  app.delete(
    '/v1/teams/:name',
    {
      config: { permission: 'budgets:write' },
      schema: { security, params: nameParams, response: { 200: z.object({ name: z.string() }) } },
    },
    async (request) => {
      const { organization } = principal(request)
      if (await store.removeTeam(organization, request.params.name)) return request.params
      throw new SettlementError('HANSE_NOT_FOUND', 'no such team')
    },
  )

  app.get(
    '/v1/spending-settings',
    {
      config: { permission: 'budgets:read' },
      schema: { security, response: { 200: settingsJson } },
    },
    async (request) => {
      const { organization } = principal(request)
      return { timeZone: (await store.gatewayRules(organization, now())).timeZone }
    },
  )

  app.put(
    '/v1/spending-settings',
    {
      config: { permission: 'settings:write' },
      schema: { security, body: settingsJson, response: { 200: settingsJson } },
    },
    async (request) => {
      const { organization } = principal(request)
      await store.setTimeZone(organization, request.body.timeZone)
      return request.body
    },
  )
}

async function toJson(context: SettlementContext, budget: BudgetRow) {
  const { id, organization, rule, createdBy, createdAt, updatedAt } = budget
  const found = await context.store.budgetState(organization, id, context.now())
  const state = found?.state
  const outlook = state && (await outlookOf(context, budget, state))
  return {
    id,
    ...rule,
    thresholds: rule.thresholds.map((one) => ({ ...one })),
    createdBy,
    createdAt,
    updatedAt,
    state:
      state === undefined
        ? null
        : {
            ...state.span,
            amount: state.amount,
            spent: state.spent,
            held: state.held,
            crossed: [...(found?.crossings ?? [])],
            forecast: outlook ?? null,
          },
  }
}

const missing = () => new SettlementError('HANSE_NOT_FOUND', 'no such budget')
