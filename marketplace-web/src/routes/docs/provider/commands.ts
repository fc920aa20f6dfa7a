/** The commands of the quick start, alike in every language. */
export const start = `npx hanse provider \\
  --bootstrap /ip4/203.0.113.7/tcp/4001/p2p/12D3KooW… \\
  --settlement-url https://settlement.example`
export const daily = `npx hanse provider status        # pause | resume | drain | logs -f | top
npx hanse doctor provider        # online but no work? why, and what to do
npx hanse price advise           # what others ask, and what your electricity costs
npx hanse service install provider -- --country DE`
export const money = `npx hanse earnings
npx hanse documents
npx hanse tax-profile`
