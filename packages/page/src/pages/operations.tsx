import { Empty } from '../ui/notice.tsx'

export function Operations() {
  return <Empty title="This page is not built yet." />
}
