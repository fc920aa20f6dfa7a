import type { DocumentContent, Party } from './document.ts'

/**
 * What of a document names nobody: amounts, tax and lines, which books and reports need for ever. The operator's own side
 * stays as it is; of the other side, the id.
 */
export function figuresOf(content: DocumentContent): DocumentContent {
  const { kind, seller, buyer, tax } = content
  const isProviders = kind === 'provider-statement'
  return {
    ...content,
    seller: isProviders ? nameless(seller) : seller,
    buyer: isProviders ? buyer : nameless(buyer),
    tax: tax && { ...tax, vatIdCheck: null },
  }
}

const nameless = ({ id }: Party): Party => ({
  id,
  name: '',
  street: null,
  postalCode: null,
  city: null,
  country: null,
  vatId: null,
  taxNumber: null,
  registration: null,
  email: null,
})
