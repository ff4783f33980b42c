-- The workload "wide": 10 columns, about 200 bytes a row. :table and :rows are replaced; :change is added to qty and amount.
create table :table (id bigint primary key, customer_id int not null, name varchar(64) not null, email varchar(64) not null, amount numeric(12,2) not null,
  qty int not null, score float8 not null, active bool not null, created timestamptz not null, note text);
alter table :table set (autovacuum_enabled = false);
insert into :table select i, i % 50000, 'customer name ' || md5(i::text), 'user' || i || '@mail-' || (i % 97) || '.example.com', (i % 1000000)::numeric / 100 + :change,
  i % 100 + :change, i * 0.25, i % 2 = 0, timestamptz '2024-01-01' + i * interval '1 second', repeat('n', 60) || i from generate_series(1, :rows) i;
