import django.contrib.auth.models
import django.contrib.auth.validators
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.CreateModel(
            name="Approval",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("request", models.CharField(max_length=64, unique=True)),
                ("action", models.CharField(max_length=48)),
                ("document", models.JSONField(default=dict)),
                ("reason", models.CharField(max_length=400)),
                ("proposed_by", models.BigIntegerField()),
                ("proposed_s", models.BigIntegerField()),
                ("decided_by", models.BigIntegerField(null=True)),
                ("decided_s", models.BigIntegerField(null=True)),
                ("state", models.CharField(db_index=True, default="waiting", max_length=12)),
            ],
            options={
                "db_table": "approvals",
            },
        ),
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("time_s", models.BigIntegerField(db_index=True)),
                ("operator", models.BigIntegerField(default=0)),
                ("address", models.CharField(blank=True, max_length=64)),
                ("action", models.CharField(db_index=True, max_length=48)),
                ("subject", models.CharField(blank=True, db_index=True, max_length=80)),
                ("detail", models.JSONField(default=dict)),
                ("previous_hash", models.CharField(max_length=64)),
                ("hash", models.CharField(max_length=64, unique=True)),
            ],
            options={
                "db_table": "audit_entries",
            },
        ),
        migrations.CreateModel(
            name="CustomerType",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=64, unique=True)),
            ],
            options={
                "db_table": "customer_types",
            },
        ),
        migrations.CreateModel(
            name="DataRound",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("card_uid", models.CharField(max_length=20)),
                ("loaded_s", models.BigIntegerField()),
                ("read_s", models.BigIntegerField(null=True)),
                ("meters", models.JSONField(default=list)),
                ("statements", models.IntegerField(default=0)),
            ],
            options={
                "db_table": "data_rounds",
            },
        ),
        migrations.CreateModel(
            name="KeyCard",
            fields=[
                ("uid", models.CharField(max_length=20, primary_key=True, serialize=False)),
                ("loaded", models.BigIntegerField()),
                ("version", models.BigIntegerField()),
                ("spent", models.BigIntegerField()),
                ("price", models.BigIntegerField()),
                ("allowance_mwh", models.BigIntegerField()),
                ("period", models.IntegerField()),
                ("user", models.BigIntegerField()),
            ],
            options={
                "db_table": "key_cards",
            },
        ),
        migrations.CreateModel(
            name="LoginTry",
            fields=[
                ("key", models.CharField(max_length=200, primary_key=True, serialize=False)),
                ("failures", models.IntegerField(default=0)),
                ("until_s", models.BigIntegerField(default=0)),
                ("last_s", models.BigIntegerField(db_index=True, default=0)),
            ],
            options={
                "db_table": "login_tries",
            },
        ),
        migrations.CreateModel(
            name="Meter",
            fields=[
                ("number", models.BigIntegerField(primary_key=True, serialize=False)),
                ("currency", models.CharField(max_length=3)),
                ("decimals", models.SmallIntegerField()),
                ("last_count", models.BigIntegerField(default=0)),
                ("unit", models.CharField(max_length=8, null=True)),
                ("contract", models.CharField(blank=True, max_length=24)),
                ("told_s", models.BigIntegerField(db_index=True, default=0)),
                ("key_version", models.SmallIntegerField(default=0)),
                ("site_version", models.SmallIntegerField(default=0)),
                ("tenant", models.BigIntegerField(default=0)),
                ("is_stopped", models.BooleanField(default=False)),
                ("stop_reason", models.CharField(blank=True, max_length=240)),
                ("excused", models.JSONField(default=dict)),
                ("is_retired", models.BooleanField(default=False)),
                ("alarms", models.CharField(blank=True, max_length=240)),
                ("balance", models.BigIntegerField(null=True)),
                ("days_left", models.IntegerField(null=True)),
                ("added_s", models.BigIntegerField(default=0)),
            ],
            options={
                "db_table": "meters",
            },
        ),
        migrations.CreateModel(
            name="RevenueMonth",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("month", models.IntegerField(unique=True)),
                ("sales", models.BigIntegerField()),
                ("is_final", models.BooleanField(default=False)),
                ("rows", models.JSONField(default=list)),
            ],
            options={
                "db_table": "revenue_months",
            },
        ),
        migrations.CreateModel(
            name="Shift",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("operator", models.BigIntegerField()),
                ("opened_s", models.BigIntegerField()),
                ("closed_s", models.BigIntegerField(null=True)),
                ("float_microunits", models.BigIntegerField(default=0)),
                ("counted_microunits", models.BigIntegerField(null=True)),
                ("expected_microunits", models.BigIntegerField(null=True)),
                ("z_number", models.IntegerField(null=True)),
            ],
            options={
                "db_table": "shifts",
            },
        ),
        migrations.CreateModel(
            name="Shop",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.IntegerField(unique=True)),
                ("name", models.CharField(max_length=120)),
                ("address", models.CharField(blank=True, max_length=240)),
                ("tax_number", models.CharField(blank=True, max_length=32)),
                ("time_zone", models.CharField(default="UTC", max_length=48)),
                ("language", models.CharField(default="en", max_length=8)),
                ("last_receipt", models.BigIntegerField(default=0)),
                ("vendor_limit_microunits", models.BigIntegerField(null=True)),
                ("is_active", models.BooleanField(default=True)),
            ],
            options={
                "db_table": "shops",
            },
        ),
        migrations.CreateModel(
            name="Site",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(default="", max_length=120)),
                ("schema_version", models.IntegerField()),
                ("key_fingerprint", models.CharField(max_length=64)),
                ("key_fingerprints", models.JSONField(default=dict)),
                ("currency", models.CharField(default="EUR", max_length=3)),
                ("decimals", models.SmallIntegerField(default=2)),
                ("operators_required", models.BooleanField(default=False)),
                ("debt_share_ppm", models.IntegerField(default=250000)),
            ],
            options={
                "db_table": "site",
            },
        ),
        migrations.CreateModel(
            name="TaxRate",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=32)),
                ("rate_ppm", models.IntegerField()),
                ("from_day", models.DateField()),
            ],
            options={
                "db_table": "tax_rates",
            },
        ),
        migrations.CreateModel(
            name="Customer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.BigIntegerField(unique=True)),
                ("name", models.CharField(db_index=True, max_length=120)),
                ("language", models.CharField(default="en", max_length=8)),
                ("email", models.EmailField(blank=True, max_length=254)),
                ("phone", models.CharField(blank=True, db_index=True, max_length=32)),
                ("address", models.CharField(blank=True, max_length=240)),
                ("note", models.TextField(blank=True)),
                ("created_s", models.BigIntegerField()),
                ("is_active", models.BooleanField(default=True)),
                (
                    "customer_type",
                    models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to="record.customertype"),
                ),
            ],
            options={
                "db_table": "customers",
            },
        ),
        migrations.CreateModel(
            name="Message",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=80, unique=True)),
                ("channel", models.CharField(max_length=8)),
                ("text", models.TextField()),
                ("created_s", models.BigIntegerField()),
                ("sent_s", models.BigIntegerField(null=True)),
                ("state", models.CharField(default="waiting", max_length=16)),
                (
                    "customer",
                    models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to="record.customer"),
                ),
            ],
            options={
                "db_table": "messages",
            },
        ),
        migrations.CreateModel(
            name="Feeder",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=64, unique=True)),
                (
                    "meter",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to="record.meter"
                    ),
                ),
            ],
            options={
                "db_table": "feeders",
            },
        ),
        migrations.CreateModel(
            name="Contract",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=24)),
                ("from_s", models.BigIntegerField()),
                ("until_s", models.BigIntegerField(null=True)),
                (
                    "meter",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="contracts", to="record.meter"
                    ),
                ),
            ],
            options={
                "db_table": "contracts",
            },
        ),
        migrations.CreateModel(
            name="Premises",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=120, unique=True)),
                ("address", models.CharField(blank=True, max_length=240)),
                (
                    "feeder",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to="record.feeder"
                    ),
                ),
            ],
            options={
                "db_table": "premises",
            },
        ),
        migrations.CreateModel(
            name="Installation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("from_s", models.BigIntegerField()),
                ("until_s", models.BigIntegerField(null=True)),
                ("start_mwh", models.BigIntegerField(default=0)),
                ("end_mwh", models.BigIntegerField(null=True)),
                (
                    "meter",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="installations", to="record.meter"
                    ),
                ),
                (
                    "premises",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="installations", to="record.premises"
                    ),
                ),
            ],
            options={
                "db_table": "installations",
            },
        ),
        migrations.CreateModel(
            name="Sale",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("receipt_number", models.BigIntegerField()),
                ("client_key", models.CharField(max_length=80, unique=True)),
                ("kind", models.CharField(max_length=12)),
                ("state", models.CharField(max_length=24)),
                ("time_s", models.BigIntegerField(db_index=True)),
                ("business_day", models.DateField()),
                ("operator", models.BigIntegerField()),
                ("meter_number", models.BigIntegerField(db_index=True)),
                ("card_uid", models.CharField(blank=True, db_index=True, max_length=20)),
                ("carrier", models.CharField(max_length=12)),
                ("currency", models.CharField(max_length=3)),
                ("gross_microunits", models.BigIntegerField()),
                ("tax_microunits", models.BigIntegerField(default=0)),
                ("payment_type", models.CharField(default="cash", max_length=12)),
                ("request_hash", models.CharField(max_length=64)),
                (
                    "customer",
                    models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to="record.customer"),
                ),
                (
                    "reverses",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reversed_by",
                        to="record.sale",
                    ),
                ),
                (
                    "shift",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="sales", to="record.shift"
                    ),
                ),
                ("shop", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="record.shop")),
            ],
            options={
                "db_table": "sales",
            },
        ),
        migrations.CreateModel(
            name="KeyCardSale",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.CharField(db_index=True, max_length=20)),
                ("amount", models.BigIntegerField()),
                ("sold_s", models.BigIntegerField()),
                ("operator", models.BigIntegerField(null=True)),
                ("sale", models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to="record.sale")),
            ],
            options={
                "db_table": "key_card_sales",
            },
        ),
        migrations.CreateModel(
            name="SaleLine",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("what", models.CharField(max_length=16)),
                ("text", models.CharField(max_length=120)),
                ("quantity", models.BigIntegerField(default=0)),
                ("unit", models.CharField(blank=True, max_length=8)),
                ("net_microunits", models.BigIntegerField()),
                ("tax_ppm", models.IntegerField(default=0)),
                ("tax_name", models.CharField(blank=True, max_length=32)),
                ("tax_microunits", models.BigIntegerField(default=0)),
                ("gross_microunits", models.BigIntegerField()),
                (
                    "sale",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="lines", to="record.sale"
                    ),
                ),
            ],
            options={
                "db_table": "sale_lines",
            },
        ),
        migrations.CreateModel(
            name="ApiToken",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_part", models.CharField(max_length=16, unique=True)),
                ("secret_hash", models.CharField(max_length=64)),
                ("name", models.CharField(max_length=64)),
                ("operator", models.BigIntegerField()),
                ("rights", models.JSONField(default=list)),
                ("sealed_pin", models.BinaryField()),
                ("created_by", models.BigIntegerField()),
                ("created_s", models.BigIntegerField()),
                ("expires_s", models.BigIntegerField(null=True)),
                ("revoked_s", models.BigIntegerField(null=True)),
                ("used_s", models.BigIntegerField(null=True)),
                ("shop", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="record.shop")),
            ],
            options={
                "db_table": "api_tokens",
            },
        ),
        migrations.CreateModel(
            name="User",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("password", models.CharField(max_length=128, verbose_name="password")),
                ("last_login", models.DateTimeField(blank=True, null=True, verbose_name="last login")),
                (
                    "is_superuser",
                    models.BooleanField(
                        default=False,
                        help_text="Designates that this user has all permissions without explicitly assigning them.",
                        verbose_name="superuser status",
                    ),
                ),
                (
                    "username",
                    models.CharField(
                        error_messages={"unique": "A user with that username already exists."},
                        help_text="Required. 150 characters or fewer. Letters, digits and @/./+/-/_ only.",
                        max_length=150,
                        unique=True,
                        validators=[django.contrib.auth.validators.UnicodeUsernameValidator()],
                        verbose_name="username",
                    ),
                ),
                ("first_name", models.CharField(blank=True, max_length=150, verbose_name="first name")),
                ("last_name", models.CharField(blank=True, max_length=150, verbose_name="last name")),
                ("email", models.EmailField(blank=True, max_length=254, verbose_name="email address")),
                (
                    "is_staff",
                    models.BooleanField(
                        default=False,
                        help_text="Designates whether the user can log into this admin site.",
                        verbose_name="staff status",
                    ),
                ),
                (
                    "is_active",
                    models.BooleanField(
                        default=True,
                        help_text="Designates whether this user should be treated as active. Unselect this instead of deleting accounts.",
                        verbose_name="active",
                    ),
                ),
                ("date_joined", models.DateTimeField(default=django.utils.timezone.now, verbose_name="date joined")),
                ("operator", models.BigIntegerField(null=True, unique=True)),
                ("role", models.CharField(default="cashier", max_length=16)),
                ("language", models.CharField(blank=True, default="", max_length=8)),
                (
                    "groups",
                    models.ManyToManyField(
                        blank=True,
                        help_text="The groups this user belongs to. A user will get all permissions granted to each of their groups.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.group",
                        verbose_name="groups",
                    ),
                ),
                (
                    "user_permissions",
                    models.ManyToManyField(
                        blank=True,
                        help_text="Specific permissions for this user.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.permission",
                        verbose_name="user permissions",
                    ),
                ),
                (
                    "shop",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to="record.shop"
                    ),
                ),
            ],
            options={
                "db_table": "users",
            },
            managers=[
                ("objects", django.contrib.auth.models.UserManager()),
            ],
        ),
        migrations.CreateModel(
            name="Tariff",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=64)),
                ("version", models.IntegerField()),
                ("table", models.BinaryField()),
                ("document", models.TextField(blank=True)),
                ("created_s", models.BigIntegerField()),
            ],
            options={
                "db_table": "tariffs",
                "constraints": [models.UniqueConstraint(fields=("name", "version"), name="one_tariff_version")],
            },
        ),
        migrations.CreateModel(
            name="Price",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("what", models.CharField(max_length=8)),
                ("currency", models.CharField(max_length=3)),
                ("gross_microunits", models.BigIntegerField()),
                ("from_s", models.BigIntegerField()),
                (
                    "customer_type",
                    models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to="record.customertype"),
                ),
                ("tax", models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to="record.taxrate")),
            ],
            options={
                "db_table": "prices",
            },
        ),
        migrations.CreateModel(
            name="Tenancy",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("meter_number", models.BigIntegerField(db_index=True)),
                ("tenant", models.BigIntegerField(default=0)),
                ("from_s", models.BigIntegerField()),
                ("until_s", models.BigIntegerField(null=True)),
                ("page_code", models.CharField(max_length=32, null=True, unique=True)),
                ("customer", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="record.customer")),
                ("premises", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="record.premises")),
            ],
            options={
                "db_table": "tenancies",
            },
        ),
        migrations.AddField(
            model_name="sale",
            name="tenancy",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to="record.tenancy"),
        ),
        migrations.CreateModel(
            name="Card",
            fields=[
                ("uid", models.CharField(max_length=20, primary_key=True, serialize=False)),
                ("name", models.CharField(db_index=True, max_length=64)),
                ("meter_number", models.BigIntegerField(db_index=True, default=0)),
                ("role", models.CharField(blank=True, max_length=16)),
                ("kind", models.CharField(blank=True, max_length=24)),
                ("state", models.CharField(default="active", max_length=8)),
                ("issued_s", models.BigIntegerField(default=0)),
                ("tenant", models.BigIntegerField(default=0)),
                (
                    "tenancy",
                    models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to="record.tenancy"),
                ),
            ],
            options={
                "db_table": "cards",
            },
        ),
        migrations.CreateModel(
            name="Till",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.IntegerField()),
                ("name", models.CharField(blank=True, max_length=64)),
                ("last_z", models.IntegerField(default=0)),
                ("reader_token_hash", models.CharField(blank=True, db_index=True, max_length=64)),
                (
                    "shop",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="tills", to="record.shop"
                    ),
                ),
            ],
            options={
                "db_table": "tills",
            },
        ),
        migrations.AddField(
            model_name="shift",
            name="till",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="shifts", to="record.till"
            ),
        ),
        migrations.AddField(
            model_name="sale",
            name="till",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to="record.till"),
        ),
        migrations.CreateModel(
            name="Token",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sequence", models.BigIntegerField()),
                ("kind", models.SmallIntegerField()),
                ("words", models.CharField(blank=True, max_length=240)),
                ("unit", models.CharField(blank=True, max_length=8)),
                ("amount", models.BigIntegerField(default=0)),
                ("issued_s", models.BigIntegerField(db_index=True)),
                ("card", models.CharField(blank=True, db_index=True, max_length=20)),
                ("sealed", models.BinaryField()),
                ("state", models.CharField(max_length=12)),
                ("operator", models.BigIntegerField(null=True)),
                ("redeemed_s", models.BigIntegerField(null=True)),
                ("tenant", models.BigIntegerField(default=0)),
                ("after", models.BigIntegerField(default=0)),
                ("receipt_card", models.BigIntegerField(default=0)),
                ("digits", models.CharField(blank=True, max_length=20)),
                (
                    "meter",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="tokens", to="record.meter"
                    ),
                ),
                (
                    "sale",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="tokens", to="record.sale"
                    ),
                ),
                (
                    "tenancy",
                    models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to="record.tenancy"),
                ),
            ],
            options={
                "db_table": "tokens",
            },
        ),
        migrations.CreateModel(
            name="TariffPlan",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("from_s", models.BigIntegerField()),
                (
                    "meter",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="tariff_plans", to="record.meter"
                    ),
                ),
                ("tariff", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="record.tariff")),
                ("token", models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to="record.token")),
            ],
            options={
                "db_table": "tariff_plans",
            },
        ),
        migrations.CreateModel(
            name="ApiAnswer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=80)),
                ("request_hash", models.CharField(max_length=64)),
                ("status", models.IntegerField(default=0)),
                ("body", models.JSONField(default=dict)),
                ("time_s", models.BigIntegerField(db_index=True)),
                ("token", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="record.apitoken")),
            ],
            options={
                "db_table": "api_answers",
                "constraints": [models.UniqueConstraint(fields=("token", "key"), name="one_answer")],
            },
        ),
        migrations.CreateModel(
            name="MeterReceipt",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sequence", models.BigIntegerField()),
                ("money", models.BigIntegerField()),
                ("energy", models.BigIntegerField()),
                ("debt", models.BigIntegerField()),
                ("term_s", models.BigIntegerField()),
                ("tenant", models.BigIntegerField(default=0)),
                ("card", models.BigIntegerField(default=0)),
                ("told_s", models.BigIntegerField()),
                ("settled", models.CharField(blank=True, max_length=120)),
                ("doubt", models.CharField(blank=True, max_length=400)),
                (
                    "approval",
                    models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to="record.approval"),
                ),
                (
                    "meter",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="receipts", to="record.meter"
                    ),
                ),
            ],
            options={
                "db_table": "meter_receipts",
                "constraints": [models.UniqueConstraint(fields=("meter", "sequence"), name="one_receipt")],
            },
        ),
        migrations.CreateModel(
            name="MonthlyReading",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("month", models.IntegerField()),
                ("total_wh", models.BigIntegerField()),
                ("rate_wh", models.JSONField(default=dict)),
                ("charge_microunits", models.BigIntegerField(null=True)),
                ("is_closed", models.BooleanField(default=False)),
                (
                    "meter",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="months", to="record.meter"
                    ),
                ),
            ],
            options={
                "db_table": "monthly_readings",
                "indexes": [models.Index(fields=["month", "total_wh"], name="readings_of_month")],
                "constraints": [models.UniqueConstraint(fields=("meter", "month"), name="one_reading_a_month")],
            },
        ),
        migrations.CreateModel(
            name="OtherIssuer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("issuer", models.SmallIntegerField()),
                ("count", models.BigIntegerField()),
                (
                    "meter",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="other_issuers", to="record.meter"
                    ),
                ),
            ],
            options={
                "db_table": "other_issuers",
                "constraints": [models.UniqueConstraint(fields=("meter", "issuer"), name="one_count_an_issuer")],
            },
        ),
        migrations.CreateModel(
            name="BankDeposit",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("amount_microunits", models.BigIntegerField()),
                ("currency", models.CharField(max_length=3)),
                ("reference", models.CharField(max_length=64)),
                ("time_s", models.BigIntegerField()),
                ("operator", models.BigIntegerField()),
                ("shop", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="record.shop")),
            ],
            options={
                "db_table": "bank_deposits",
                "constraints": [models.UniqueConstraint(fields=("shop", "reference"), name="one_deposit")],
            },
        ),
        migrations.CreateModel(
            name="ShortLimit",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=48)),
                ("value", models.BigIntegerField()),
                (
                    "meter",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="short_limits", to="record.meter"
                    ),
                ),
            ],
            options={
                "db_table": "short_limits",
                "constraints": [models.UniqueConstraint(fields=("meter", "name"), name="one_short_limit")],
            },
        ),
        migrations.CreateModel(
            name="Statement",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("time_s", models.BigIntegerField()),
                ("number", models.IntegerField(default=0)),
                ("unit", models.CharField(max_length=8)),
                ("contract", models.SmallIntegerField()),
                ("balance", models.BigIntegerField()),
                ("bought", models.BigIntegerField(null=True)),
                ("charged", models.BigIntegerField(null=True)),
                ("taken", models.BigIntegerField(null=True)),
                ("total_mwh", models.BigIntegerField()),
                ("alarms", models.CharField(blank=True, max_length=240)),
                ("event_link", models.CharField(max_length=64, null=True)),
                ("has_other_issuers", models.BooleanField(default=False)),
                ("content", models.JSONField(default=dict)),
                ("read_s", models.BigIntegerField(default=0)),
                (
                    "meter",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="statements", to="record.meter"
                    ),
                ),
            ],
            options={
                "db_table": "statements",
                "indexes": [models.Index(fields=["time_s"], name="statements_by_time")],
                "constraints": [models.UniqueConstraint(fields=("meter", "time_s", "total_mwh"), name="one_statement")],
            },
        ),
        migrations.AddConstraint(
            model_name="tenancy",
            constraint=models.UniqueConstraint(
                condition=models.Q(("until_s__isnull", True)), fields=("premises",), name="one_tenant_at_a_time"
            ),
        ),
        migrations.AddConstraint(
            model_name="tenancy",
            constraint=models.UniqueConstraint(
                condition=models.Q(("until_s__isnull", True)), fields=("meter_number",), name="one_tenant_at_a_meter"
            ),
        ),
        migrations.AddConstraint(
            model_name="till",
            constraint=models.UniqueConstraint(fields=("shop", "number"), name="one_till"),
        ),
        migrations.AddConstraint(
            model_name="shift",
            constraint=models.UniqueConstraint(
                condition=models.Q(("closed_s__isnull", True)), fields=("till",), name="one_open_shift"
            ),
        ),
        migrations.AddIndex(
            model_name="sale",
            index=models.Index(fields=["shop", "business_day"], name="sales_of_day"),
        ),
        migrations.AddConstraint(
            model_name="sale",
            constraint=models.UniqueConstraint(fields=("shop", "receipt_number"), name="one_receipt_number"),
        ),
        migrations.AddIndex(
            model_name="token",
            index=models.Index(fields=["meter", "state"], name="tokens_by_state"),
        ),
        migrations.AddIndex(
            model_name="token",
            index=models.Index(fields=["state", "unit"], name="tokens_of_state"),
        ),
        migrations.AddConstraint(
            model_name="token",
            constraint=models.UniqueConstraint(fields=("meter", "sequence"), name="one_token"),
        ),
    ]
