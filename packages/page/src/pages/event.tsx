import { Empty } from '../ui/notice.tsx'

export function Event() {
  return <Empty title="This page is not built yet." />
}
