import { setSearch, useSearch } from '../../base/router.tsx'
import { SearchField } from '../../ui/search-field.tsx'

const periods = ['5m', '1h', '24h', '7d']

export function Filters() {
  const [search] = useSearch()
  return (
    <div className="spread">
      <SearchField name="q" label="id, type, source, subject" wide isFilter />
      <SearchField name="type" label="event type, or order.*" />
      <SearchField name="source" label="source" />
      <label>
        <span className="unseen">came within</span>
        <select
          value={search.get('since') ?? ''}
          onChange={({ target }) => setSearch({ since: target.value }, { replace: true })}
        >
          <option value="">any time</option>
          {periods.map((one) => (
            <option key={one} value={one}>
              last {one}
            </option>
          ))}
        </select>
      </label>
    </div>
  )
}
