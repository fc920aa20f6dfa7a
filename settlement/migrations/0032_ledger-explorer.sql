-- From a posting to the receipt that caused it. Receipts of Statements are found through their Statement: of the busiest
-- way in, nothing is written here. Only adds: an older release runs on beside it; `drop index` takes it back.
create index settled_receipt_single on settled_receipt (cid) where statement is null;
