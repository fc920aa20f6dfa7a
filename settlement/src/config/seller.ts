import { sellerSetting } from '../documents/seller.ts'
import { readTable } from './read-table.ts'

export const sellerOption = readTable(sellerSetting).optional()
