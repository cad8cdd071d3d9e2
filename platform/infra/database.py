"""The database: an RDS instance of this stack, or the address of one that others manage."""

from dataclasses import dataclass

import pulumi
from pulumi_aws import ec2, rds, vpc

from infra.credentials import DatabaseCredentials, DatabaseCredentialsArgs, ExistingLogin
from infra.guard import Guard
from infra.naming import Deployment, Kind
from infra.network import Network
from infra.settings import ExternalDatabase, OwnedDatabase, RdsManagedDatabase
from infra.tags import CREDENTIALS_TAG, tags
from workers.contracts import DatabaseTarget

PORT = 5432
CA = "rds-ca-rsa2048-g1"


@dataclass(frozen=True, slots=True)
class DatabaseAddress:
    """Where a database is and which secret opens it."""

    mode: str
    name: str
    require_tls: bool
    secret_arn: pulumi.Output[str]
    host: pulumi.Output[str]
    port: pulumi.Output[int]
    instance_identifier: pulumi.Output[str] | None

    def target(self) -> pulumi.Output[str]:
        """The application's `BMX_DATABASE`."""
        return pulumi.Output.all(self.secret_arn, self.host, self.port).apply(
            lambda known: DatabaseTarget(
                secret_arn=known[0],
                host=known[1],
                port=int(known[2]),
                name=self.name,
                sslmode="verify-full" if self.require_tls else "disable",
            ).model_dump_json()
        )

    def outputs(self) -> pulumi.Output[dict[str, object]]:
        """The stack output `database`."""
        return pulumi.Output.from_input(
            {
                "mode": self.mode,
                "secret_arn": self.secret_arn,
                "host": self.host,
                "port": self.port.apply(int),
                "name": self.name,
                "instance_identifier": self.instance_identifier,
            }
        )


def external_address(settings: ExternalDatabase, *, require_tls: bool) -> DatabaseAddress:
    """The address of a database that is not ours."""
    return DatabaseAddress(
        settings.mode,
        settings.name,
        require_tls,
        pulumi.Output.from_input(settings.secret_arn),
        pulumi.Output.from_input(settings.host),
        pulumi.Output.from_input(settings.port),
        None,
    )


@dataclass(frozen=True, slots=True)
class DatabaseArgs:
    """What to make, with which login in mode `existing`, and in which network."""

    deployment: Deployment
    settings: OwnedDatabase
    mode: str
    existing: ExistingLogin | None
    network: Network | None
    require_tls: bool
    guard: Guard


class Database(pulumi.ComponentResource):
    """An RDS PostgreSQL instance and its login: private, encrypted, backed up, not deletable, TLS only."""

    address: DatabaseAddress

    def __init__(self, name: str, args: DatabaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bluemoxon:database:Database", name, None, opts)
        self._child = pulumi.ResourceOptions(parent=self)
        self._tags = tags(args.deployment.stack, "database")
        credentials = DatabaseCredentials(
            name,
            DatabaseCredentialsArgs(args.deployment, args.settings, args.existing, args.guard),
            pulumi.ResourceOptions(parent=self),
        )
        instance = self._instance(name, args, credentials)
        self.address = DatabaseAddress(
            args.mode,
            args.settings.name,
            args.require_tls,
            credentials.record(instance),
            instance.address,
            instance.port,
            instance.identifier,
        )
        self.register_outputs({"address": self.address.outputs()})

    def _instance(self, name: str, args: DatabaseArgs, credentials: DatabaseCredentials) -> rds.Instance:
        deployment, settings = args.deployment, args.settings
        identifier = deployment.name(Kind.DATABASE)
        instance = rds.InstanceArgs(
            identifier=identifier,
            engine="postgres",
            engine_version=settings.engine_version,
            auto_minor_version_upgrade=True,
            instance_class=settings.instance_class,
            allocated_storage=settings.allocated_storage,
            max_allocated_storage=settings.max_allocated_storage,
            storage_type="gp3",
            storage_encrypted=True,
            multi_az=settings.multi_az,
            db_name=settings.name,
            username=settings.username,
            port=PORT,
            parameter_group_name=self._parameters(name, args).name,
            ca_cert_identifier=CA,
            publicly_accessible=False,
            backup_retention_period=settings.backup_retention_days,
            copy_tags_to_snapshot=True,
            delete_automated_backups=False,
            deletion_protection=True,
            skip_final_snapshot=False,
            final_snapshot_identifier=f"{identifier}-final",
            performance_insights_enabled=True,
            enabled_cloudwatch_logs_exports=["postgresql", "upgrade"],
            apply_immediately=False,
            tags={**self._tags, CREDENTIALS_TAG: args.mode},
        )
        if isinstance(settings, RdsManagedDatabase):
            instance.manage_master_user_password = True
        else:
            instance.password = credentials.password
        if args.network is not None:
            instance.db_subnet_group_name = self._subnets(name, args.deployment, args.network).name
            instance.vpc_security_group_ids = [self._firewall(name, args.deployment, args.network).id]
        return rds.Instance(
            name,
            instance,
            # The password is set at creation. Rotation changes it later, together with the secret.
            opts=args.guard.options(self, ignore_changes=["password", "password_wo", "password_wo_version"]),
        )

    def _parameters(self, name: str, args: DatabaseArgs) -> rds.ParameterGroup:
        settings = args.settings
        return rds.ParameterGroup(
            name,
            rds.ParameterGroupArgs(
                name=args.deployment.name(Kind.PARAMETER_GROUP, f"postgres{settings.engine_version}"),
                family=f"postgres{settings.engine_version}",
                description="BlueMoxon",
                parameters=[
                    rds.ParameterGroupParameterArgs(
                        name="rds.force_ssl",
                        value="1" if args.require_tls else "0",
                        # RDS's own method for it. With another one beside a value that is RDS's default too,
                        # AWS keeps its method, and every preview would show a change.
                        apply_method="pending-reboot",
                    )
                ],
                tags=self._tags,
            ),
            opts=self._child,
        )

    def _subnets(self, name: str, deployment: Deployment, network: Network) -> rds.SubnetGroup:
        return rds.SubnetGroup(
            name,
            rds.SubnetGroupArgs(
                name=deployment.name(Kind.SUBNET_GROUP),
                description="BlueMoxon",
                subnet_ids=network.subnet_ids,
                tags=self._tags,
            ),
            opts=self._child,
        )

    def _firewall(self, name: str, deployment: Deployment, network: Network) -> ec2.SecurityGroup:
        group = ec2.SecurityGroup(
            name,
            ec2.SecurityGroupArgs(
                name=deployment.name(Kind.SECURITY_GROUP, "database"),
                description="The database: PostgreSQL from the application",
                vpc_id=network.vpc_id,
                tags=self._tags,
            ),
            opts=self._child,
        )
        for number, application in enumerate(network.application_group_ids):
            vpc.SecurityGroupIngressRule(
                f"{name}-{number}",
                vpc.SecurityGroupIngressRuleArgs(
                    security_group_id=group.id,
                    referenced_security_group_id=application,
                    ip_protocol="tcp",
                    from_port=PORT,
                    to_port=PORT,
                    description="PostgreSQL from the application",
                ),
                opts=self._child,
            )
        return group
