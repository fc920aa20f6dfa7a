import type Stripe from 'stripe'
import { z } from 'zod'
import { invalidRequest, resourceMissing } from './fault.ts'
import { type Context, operation } from './operation.ts'
import { pageOf } from './pages.ts'
import {
  boolean,
  currency,
  expand,
  id,
  integer,
  metadata,
  metadataUpdate,
  page,
  text,
  unitCents,
  updatedMetadata,
} from './params.ts'

export const createProduct = operation({
  name: 'Products.create',
  method: 'POST',
  path: '/v1/products',
  params: z.strictObject({ name: text, description: text.optional(), expand, metadata }),
  run(params, context): Stripe.Product {
    const product: Stripe.Product = {
      id: context.newId('prod'),
      object: 'product',
      active: true,
      created: context.nowS,
      default_price: null,
      description: params.description ?? null,
      images: [],
      livemode: false,
      marketing_features: [],
      metadata: params.metadata,
      name: params.name,
      package_dimensions: null,
      shippable: null,
      tax_details: null,
      type: 'service',
      updated: context.nowS,
      url: null,
    }
    context.state.products.set(product.id, product)
    context.emit('product.created', product)
    return product
  },
})

export const retrieveProduct = operation({
  name: 'Products.retrieve',
  method: 'GET',
  path: '/v1/products/:id',
  params: z.strictObject({ expand }),
  run(_params, { state, ids: [productId = ''] }): Stripe.Product {
    const product = state.products.get(productId)
    if (product === undefined) throw resourceMissing('product', productId)
    return product
  },
})

export const createPrice = operation({
  name: 'Prices.create',
  method: 'POST',
  path: '/v1/prices',
  params: z.strictObject({
    currency,
    product: id,
    unit_amount: unitCents,
    recurring: z
      .strictObject({
        interval: z.enum(['month', 'year']),
        interval_count: integer.pipe(z.int().min(1).max(12)).default(1),
      })
      .optional(),
    nickname: text.optional(),
    expand,
    metadata,
  }),
  run(params, context): Stripe.Price {
    if (!context.state.products.has(params.product)) {
      throw invalidRequest(`No such product: '${params.product}'`, 'resource_missing', 'product')
    }
    const { recurring } = params
    const price: Stripe.Price = {
      id: context.newId('price'),
      object: 'price',
      active: true,
      billing_scheme: 'per_unit',
      created: context.nowS,
      currency: 'eur',
      custom_unit_amount: null,
      livemode: false,
      lookup_key: null,
      metadata: params.metadata,
      nickname: params.nickname ?? null,
      product: params.product,
      recurring:
        recurring === undefined
          ? null
          : { ...recurring, meter: null, trial_period_days: null, usage_type: 'licensed' },
      tax_behavior: 'unspecified',
      tiers_mode: null,
      transform_quantity: null,
      type: recurring === undefined ? 'one_time' : 'recurring',
      unit_amount: params.unit_amount,
      unit_amount_decimal: null,
    }
    context.state.prices.set(price.id, price)
    context.emit('price.created', price)
    return price
  },
})

export const updatePrice = operation({
  name: 'Prices.update',
  method: 'POST',
  path: '/v1/prices/:id',
  params: z.strictObject({
    active: boolean.optional(),
    nickname: text.optional(),
    expand,
    metadata: metadataUpdate,
  }),
  run(params, context): Stripe.Price {
    const price = storedPrice(context, context.ids[0] ?? '')
    if (params.active !== undefined) price.active = params.active
    if (params.nickname !== undefined) price.nickname = params.nickname
    price.metadata = updatedMetadata(price.metadata, params.metadata)
    context.emit('price.updated', price)
    return price
  },
})

export const retrievePrice = operation({
  name: 'Prices.retrieve',
  method: 'GET',
  path: '/v1/prices/:id',
  params: z.strictObject({ expand }),
  run: (_params, context) => storedPrice(context, context.ids[0] ?? ''),
})

export const listPrices = operation({
  name: 'Prices.list',
  method: 'GET',
  path: '/v1/prices',
  params: z.strictObject({ ...page, active: boolean.optional(), product: id.optional() }),
  run(params, { state }) {
    const found = [...state.prices.values()].filter(
      (price) =>
        (params.active === undefined || price.active === params.active) &&
        (params.product === undefined || price.product === params.product),
    )
    return pageOf('/v1/prices', found, params)
  },
})

function storedPrice({ state }: Context, priceId: string): Stripe.Price {
  const price = state.prices.get(priceId)
  if (price === undefined) throw resourceMissing('price', priceId)
  return price
}

/** A price that is named in a request for something new. */
export function sellablePrice({ state }: Context, priceId: string, param: string): Stripe.Price {
  const price = state.prices.get(priceId)
  if (price === undefined) {
    throw invalidRequest(`No such price: '${priceId}'`, 'resource_missing', param)
  }
  if (!price.active) throw invalidRequest(`The price '${priceId}' is inactive.`, undefined, param)
  return price
}

/** What a unit costs for each period. */
export function centsOf({ unit_amount: cents }: Stripe.Price): number {
  return cents ?? 0
}
